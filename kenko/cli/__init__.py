"""The kenko command: one file per command, thin."""
