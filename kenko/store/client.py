"""A Redis client that fails soon enough to be told about and late enough to outlast a hiccup."""

from __future__ import annotations

from typing import Any, TypeAlias

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ClusterError

AnyRedis: TypeAlias = Redis | RedisCluster
"""A client of one server or of a cluster. Both answer with bytes."""

CONNECT_TIMEOUT_S = 3.0
REPLY_TIMEOUT_S = 10.0
"""Well above the slowest honest answer (a Redis that forks, 2 s of latency); a dead peer is found out after it."""
HEALTH_CHECK_S = 30
"""A connection idle for longer is pinged before use: firewalls drop idle connections without a word."""
RETRIES = 3
"""On top of the first try, after 50 ms, 100 ms, 200 ms: enough for a connection that a restarted Redis closed.
A longer outage is the caller's to wait out, where it is seen. Sending a commit twice is safe: its fence refuses it."""

_CLUSTER = {"redis+cluster://": "redis://", "rediss+cluster://": "rediss://"}


def connect(url: str, **options: Any) -> AnyRedis:
    """A client for `redis://`, `rediss://`, `unix://`, `redis+cluster://` or `rediss+cluster://`.

    Nothing is sent yet; the caller closes it with `aclose()`. `options` go to redis-py and win over ours.

    Raises:
        ValueError: the URL has another scheme.
    """
    settings: dict[str, Any] = {
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_timeout": REPLY_TIMEOUT_S,
        "health_check_interval": HEALTH_CHECK_S,
        "retry": Retry(ExponentialBackoff(cap=0.5, base=0.05), RETRIES),
        **options,
    }
    for scheme, plain in _CLUSTER.items():
        if url.startswith(scheme):
            return _Cluster.from_url(plain + url.removeprefix(scheme), **settings)
    return Redis.from_url(url, **settings)


class _Cluster(RedisCluster):
    """As redis-py's, but an ASK that names an unknown node is one of its errors, and not an AttributeError.

    A node that is new, and gets its first slot just now, stands in no map yet. The end of the move is a MOVED, which it
    learns from; until then there is nobody to ask, and the caller waits.
    """

    def get_node(
        self, host: str | None = None, port: int | None = None, node_name: str | None = None
    ) -> ClusterNode | None:
        node = super().get_node(host, port, node_name)
        if node is None:
            raise ClusterError(f"a slot moves to {node_name or f'{host}:{port}'}, a node that has none yet")
        return node
