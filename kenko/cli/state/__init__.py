"""`kenko state`: what the scorer keeps in Redis, and how to have it made anew."""
