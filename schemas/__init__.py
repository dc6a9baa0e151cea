"""What crosses a wire: models, the topic registry, generated JSON Schema, and examples that are tests.

Times on the wire are RFC 3339 in UTC. Pure: no I/O, no clock, no randomness.
"""
