"""Signals, one kind of accumulator a file. All are integers, and all commute."""
