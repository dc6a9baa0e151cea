"""The fold: windows, signals, curves, score, zones, receipts. Pure."""
