"""The keyspaces of a partition: one for each model that ever ran here. A model that runs no more forgets nobody by itself."""

from __future__ import annotations

from typing import Any

from kenko.engine.identity import account_digest
from kenko.store.client import AnyRedis
from kenko.store.keys import DEFAULT_PREFIX, PartitionKeys, hash_tag
from kenko.store.redis_errors import translated

_SCAN_COUNT = 1000


async def keyspaces(
    client: AnyRedis, partition: int, partitions: int, *, prefix: str = DEFAULT_PREFIX
) -> list[PartitionKeys]:
    """Those of every model that has a fence for this partition. Goes through all keys, a piece at a time.

    Raises:
        TransientError: Redis is away.
    """
    ending = f":{{{hash_tag(partition, partitions)}}}:fence"
    found: set[str] = set()
    with translated():
        async for key in client.scan_iter(match=f"*{ending}", count=_SCAN_COUNT):
            name = key.decode()
            if name.startswith(f"{prefix}:"):
                found.add(name.removeprefix(f"{prefix}:").removesuffix(ending))
    return [PartitionKeys(model, partition, partitions, prefix) for model in sorted(found) if ":" not in model]


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
