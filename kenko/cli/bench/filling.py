"""Fill Redis with accounts, by the store's own commits at the fences of a scorer that has been there."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import uuid4

from kenko.cli.bench.account_rows import Life, Size, bench_account, life_of
from kenko.cli.bench.paced import new_producer
from kenko.dialects.cloudevents import encode_tick
from kenko.engine.rows import RowChange
from kenko.model import HealthModel
from kenko.runtime.clock import SystemClock
from kenko.runtime.errors import KenkoError, TransientError
from kenko.runtime.settings import Settings
from kenko.store.client import AnyRedis
from kenko.store.keys import PartitionKeys, model_part
from kenko.store.port import CommitOutcome, Fence, PartitionCommit
from kenko.store.reader import StateReader
from kenko.store.redis_partition import RedisPartitionStore
from schemas.topics import Topic

ROWS_A_COMMIT: Final = 500
"""A commit of rows with all their recent ids is larger than a scorer's, which brings new ones only."""
STALLED_S: Final = 60.0
POLL_S: Final = 0.05
_CLOCK: Final = SystemClock()


class BenchState:
    """The state of a scorer in one Redis, to be filled. `client` is closed by whoever made it."""

    def __init__(self, client: AnyRedis, settings: Settings, model: HealthModel) -> None:
        name = model_part(model.name, model.state_hash)
        self._settings = settings
        self.keys = [
            PartitionKeys(name, partition, settings.partitions, settings.redis_prefix)
            for partition in range(settings.partitions)
        ]
        self._stores = [RedisPartitionStore(client, keys) for keys in self.keys]
        self._reader = StateReader(client, model=name, partitions=settings.partitions, prefix=settings.redis_prefix)

    def partition_of(self, account_id: str) -> int:
        return self._reader.partition_of(account_id)

    async def advance(self, offset: int) -> None:
        """Write ticks, so many that every fence comes to stand above `offset`, and wait for the scorer to take them.

        Raises:
            TransientError: it does not.
        """
        await _write_ticks(self._settings, offset + 1)
        began_s = _CLOCK.monotonic()
        while not all(fence is not None and fence.offset > offset for fence in (await self._fences()).values()):
            if _CLOCK.monotonic() - began_s > STALLED_S:
                raise TransientError(f"no scorer has applied {offset + 1:,} ticks within {STALLED_S:.0f} s")
            await asyncio.sleep(POLL_S)

    async def fill(self, accounts: int, lives: list[tuple[Size, list[Life]]], report: Callable[[float], None]) -> None:
        """Commit the rows of so many accounts. No scorer may run: it would be refused, and begin again.

        Raises:
            KenkoError: somebody moved a fence.
        """
        fences = await self._fences()
        waiting: defaultdict[int, list[RowChange]] = defaultdict(list)
        under_way: set[asyncio.Task[None]] = set()
        for number in range(accounts):
            account_id = bench_account(number)
            partition = self.partition_of(account_id)
            waiting[partition].append(life_of(number, lives).of(account_id))
            if len(waiting[partition]) == ROWS_A_COMMIT:
                # Redis works on one while the next one is made.
                await _until_fewer(under_way, 2)
                commit = self._commit(partition, fences[partition], waiting.pop(partition))
                under_way.add(asyncio.create_task(commit))
                report(number / accounts)
        await _until_fewer(under_way, 1)
        for partition, rows in waiting.items():
            await self._commit(partition, fences[partition], rows)

    async def _fences(self) -> dict[int, Fence | None]:
        return await self._reader.fences()

    async def _commit(self, partition: int, fence: Fence | None, rows: Iterable[RowChange]) -> None:
        if fence is None:
            raise KenkoError(f"partition {partition} has no fence: no scorer has been there")
        outcome = await self._stores[partition].commit(PartitionCommit(fence.offset, fence, list(rows)))
        if outcome is not CommitOutcome.APPLIED:
            raise KenkoError(f"partition {partition}: the fence was moved while Redis was being filled")


async def _until_fewer(under_way: set[asyncio.Task[None]], number: int) -> None:
    while len(under_way) >= number:
        done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            under_way.discard(task)
            task.result()


async def _write_ticks(settings: Settings, count: int) -> None:
    """So many into each partition."""
    topic = settings.topic(Topic.USAGE_EVENTS)
    producer = new_producer(settings)
    await producer.start()
    try:
        now_ms = _CLOCK.now_ms()
        acks: list[Any] = []
        for partition in range(settings.partitions):
            tick = encode_tick(now_ms, source="bench", id=uuid4().hex)
            acks += [
                await producer.send(topic, tick.value, headers=tick.headers, partition=partition) for _ in range(count)
            ]
        await asyncio.gather(*acks)
    finally:
        await producer.stop()
