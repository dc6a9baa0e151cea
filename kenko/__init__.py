"""Kenko: customer health scores from usage events, seconds fresh."""

__version__ = "0.1.0"
