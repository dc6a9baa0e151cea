"""Decides whether to tell anyone, tells them, and records it."""
