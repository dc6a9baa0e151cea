"""The keyspaces of a partition: one for each model that ever ran here. A model that runs no more forgets nobody by itself."""

from __future__ import annotations

from typing import Any

from kenko.engine.identity import account_digest
from kenko.store.client import AnyRedis
from kenko.store.keys import DEFAULT_PREFIX, PartitionKeys, live_key
from kenko.store.redis_errors import translated
from kenko.store.survey import all_keyspaces


async def keyspaces(
    client: AnyRedis, partition: int, partitions: int, *, prefix: str = DEFAULT_PREFIX
) -> list[PartitionKeys]:
    """Those of every model that has a fence for this partition. Goes through all keys, a piece at a time.

    Raises:
        TransientError: Redis is away.
    """
    found = await all_keyspaces(client, prefix=prefix)
    return [keys for keys in found if (keys.partition, keys.partitions) == (partition, partitions)]


async def live_models(client: AnyRedis, partitions: int, *, prefix: str = DEFAULT_PREFIX) -> dict[int, str]:
    """By partition: the model whose keyspace is live. One that no scorer has taken yet is missing.

    Raises:
        TransientError: Redis is away.
    """
    found: dict[int, str] = {}
    for partition in range(partitions):
        with translated():  # one by one: on Redis Cluster they lie in different slots
            name: Any = await client.get(live_key(partition, partitions, prefix))
        if name is not None:
            found[partition] = bytes(name).decode()
    return found


async def erase(client: AnyRedis, keys: PartitionKeys, account_id: str) -> bool:
    """Take an account out of the keyspace of a model that runs no more; whether it was there.

    Were the model started again, it would pass over the account's records, and meet the forget in the log. Stopped in
    between: asked again, it goes on.
    """
    digest: Any = account_digest(account_id)
    with translated():
        pipeline = client.pipeline(transaction=False)
        pipeline.sadd(keys.forgotten, digest)
        pipeline.delete(keys.row(account_id))
        pipeline.delete(keys.ids(account_id))
        pipeline.zrem(keys.due, account_id)
        pipeline.zrem(keys.scores, account_id)
        _, *gone = await pipeline.execute()
    return any(gone)
