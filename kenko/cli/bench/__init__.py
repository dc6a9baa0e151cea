"""`kenko bench …`: how fast it is, beside what it cannot be faster than, in one run and one JSON line."""
