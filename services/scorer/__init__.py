"""Keeps a health score for each account: decides what is true."""
