"""The read side of the scorer's state: one account, or all of them. It never writes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from kenko.engine.partitioning import murmur2_partition
from kenko.engine.rows import Row
from kenko.store.client import AnyRedis
from kenko.store.keys import DEFAULT_PREFIX, PartitionKeys
from kenko.store.port import Fence
from kenko.store.redis_errors import translated
from kenko.store.redis_partition import RedisPartitionStore

_SCAN_COUNT = 1000


@dataclass(frozen=True)
class FoundAccount:
    """An account as the store holds it."""

    account_id: str
    partition: int
    row: Row | None
    """None: no event of this account was ever applied."""
    fence: Fence | None
    """Of its partition: `fence.now_ms` is the log time the account is to be looked at."""


class StateReader:
    """All partitions under one model. `model` is the name in the keys: the model's name and state hash."""

    def __init__(self, client: AnyRedis, *, model: str, partitions: int, prefix: str = DEFAULT_PREFIX) -> None:
        self._client = client
        self._stores = [
            RedisPartitionStore(client, PartitionKeys(model, partition, partitions, prefix))
            for partition in range(partitions)
        ]

    def partition_of(self, account_id: str) -> int:
        """The partition on which the account's events lie."""
        return murmur2_partition(account_id.encode(), len(self._stores))

    async def find(self, account_id: str) -> FoundAccount:
        """The account's row and the fence of its partition."""
        partition = self.partition_of(account_id)
        store = self._stores[partition]
        # The row first: then the fence is not older than it, and its log time not before the row's last evaluation.
        row = (await store.rows([account_id]))[account_id]
        return FoundAccount(account_id, partition, row, await store.fence())

    async def score(self, account_id: str) -> float | None:
        """The account's score at its last evaluation, in points; None if it has none or is not known."""
        keys = self._stores[self.partition_of(account_id)].keys
        with translated():
            centi: float | None = await self._client.zscore(keys.scores, account_id)
        return None if centi is None else _points(centi)

    async def fences(self) -> dict[int, Fence | None]:
        """Where each partition stands."""
        return {partition: await store.fence() for partition, store in enumerate(self._stores)}

    async def all_scores(self) -> AsyncIterator[tuple[str, float | None]]:
        """Every account with its score in points (None: it has none), each once, in no order.

        A score that changes meanwhile is given as it was or as it is.
        """
        for store in self._stores:
            seen: set[bytes] = set()  # a scan may give a member twice
            cursor = 0
            while True:
                with translated():
                    reply: Any = await self._client.zscan(store.keys.scores, cursor, count=_SCAN_COUNT)
                cursor, found = reply
                for member, centi in found:
                    if member not in seen:
                        seen.add(member)
                        yield member.decode(), _points(centi)
                if cursor == 0:
                    break

    async def all_accounts(self) -> AsyncIterator[str]:
        """Every account, each once, in no order."""
        async for account_id, _ in self.all_scores():
            yield account_id


def _points(centi: float) -> float | None:
    return None if centi < 0 else round(centi) / 100
