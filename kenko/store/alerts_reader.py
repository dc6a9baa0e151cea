"""Read alerts over all partitions, for the command line and the demo."""

from __future__ import annotations

from kenko.alerting.record import AlertHistory
from kenko.store.alerts import KEPT_ALERTS
from kenko.store.alerts_keys import AlertKeys
from kenko.store.alerts_redis import RedisAlertStore
from kenko.store.client import AnyRedis
from kenko.store.keys import DEFAULT_PREFIX


async def all_alerts(
    client: AnyRedis, partitions: int, *, prefix: str = DEFAULT_PREFIX, limit: int = KEPT_ALERTS
) -> list[AlertHistory]:
    """The newest alerts of each partition, at most `limit` of each, by opening time, newest first.

    Raises:
        TransientError: Redis is away.
    """
    found: list[AlertHistory] = []
    for partition in range(partitions):
        found += await RedisAlertStore(client, AlertKeys(partition, partitions, prefix)).alerts(limit)
    return sorted(found, key=lambda history: (history.opened_at, history.id), reverse=True)
