"""The same engine over a file."""
