"""`kenko dlq`: the dead letters, looked at and sent again."""
