"""What an exception of redis-py asks of the caller. The one table for everything that talks to Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from redis import exceptions as redis

from kenko.runtime.errors import PermanentError, TransientError, is_closed_connection


class RedisRefusal(StrEnum):
    """Why Redis will never do it: a person has to mend something."""

    CREDENTIALS = "redis_credentials"
    """Wrong or missing password, or an ACL that forbids the command."""
    CLUSTER_URL_NEEDED = "redis_cluster_url_needed"
    """The server is a node of a cluster, and the client was made for a single server."""
    COMMAND = "redis_command"
    """Anything else Redis refuses: a key of another type, a command this version does not know."""


_BUSY_S = 1.0
_FULL_S = 5.0
"""Memory or disk is full: it takes a person or an hour's retention to mend, so ask less often."""

_TRANSIENT_CODES = {
    "BUSY": _BUSY_S,  # somebody's script runs too long
    "NOREPLICAS": _BUSY_S,  # min-replicas-to-write is not met
    "MISCONF": _FULL_S,  # the disk refuses AOF or snapshot writes
    "UNKILLABLE": _BUSY_S,
}
"""Codes for which redis-py has no class of its own."""

_TRANSIENT = (
    redis.BusyLoadingError,
    redis.ReadOnlyError,  # a failover: the client's next connection finds the new primary
    redis.ClusterDownError,
    redis.MasterDownError,
    redis.TryAgainError,  # the slot is on the move
    redis.ConnectionError,
    redis.TimeoutError,
    redis.ClusterError,
    redis.WatchError,
    redis.RedisClusterException,
    OSError,  # TimeoutError and a reset connection are kinds of it
)
_CREDENTIALS = (
    redis.AuthenticationError,
    redis.AuthorizationError,
    redis.NoPermissionError,
    redis.AuthenticationWrongNumberOfArgsError,
)


def translate(error: Exception) -> TransientError | PermanentError:
    """The error of ours that stands for an exception of redis-py (or of the socket below it)."""
    text = f"Redis: {type(error).__name__}: {error}"
    if isinstance(error, _CREDENTIALS):  # before the rest: redis-py calls these connection errors too
        return PermanentError(text, reason=RedisRefusal.CREDENTIALS)
    if isinstance(error, redis.OutOfMemoryError):
        return TransientError(text, retry_after_s=_FULL_S)
    if isinstance(error, redis.MovedError):
        return PermanentError(
            f"{text} (this server belongs to a Redis Cluster: let the URL begin with redis+cluster://)",
            reason=RedisRefusal.CLUSTER_URL_NEEDED,
        )
    if isinstance(error, _TRANSIENT):
        return TransientError(text, retry_after_s=_BUSY_S)
    wait_s = _TRANSIENT_CODES.get(str(error).partition(" ")[0])
    if wait_s is not None:
        return TransientError(text, retry_after_s=wait_s)
    return PermanentError(text, reason=RedisRefusal.COMMAND)


@contextmanager
def translated() -> Iterator[None]:
    """Wrap each call to Redis in it: what comes out is a TransientError or a PermanentError."""
    try:
        yield
    except (redis.RedisError, redis.RedisClusterException, OSError) as error:
        raise translate(error) from error
    except RuntimeError as error:
        if not is_closed_connection(error):
            raise
        raise TransientError(f"Redis: {error}", retry_after_s=_BUSY_S) from error
