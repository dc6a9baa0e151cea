"""The processes: each a thin shell that wires rooms of `kenko` together."""
