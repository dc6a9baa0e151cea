"""Outbound HTTP: one guarded client, one file per receiver."""
