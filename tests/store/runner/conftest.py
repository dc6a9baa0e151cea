"""Runners whose store is a real Redis, and the same runner over the twin: whatever Redis does, both end alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from kenko.dialects.cloudevents import encode_event, encode_tick
from kenko.engine.partitioning import murmur2_partition
from kenko.engine.scorer import Scorer
from kenko.model import HealthModel, load_model
from kenko.runtime.clock import ManualClock
from kenko.store.client import AnyRedis
from kenko.store.keys import PartitionKeys
from kenko.store.memory_partition import MemoryPartition, MemoryPartitionStore
from kenko.store.port import PartitionStore
from kenko.store.redis_partition import RedisPartitionStore
from kenko.stream.memory_log import MemoryLog
from kenko.stream.observer import NullObserver
from kenko.stream.patience import Patience
from kenko.stream.plan import RunnerPlan
from kenko.stream.producer import MemoryOutput, OutRecord
from kenko.stream.runner import PartitionRunner
from schemas.base import from_ms
from schemas.transition import Transition
from schemas.usage_event import UsageEvent

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_772_323_200_000
LIMIT_S = 60

MODEL = """
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: small, version: 1}
signals:
  uses_7d: {match: {event: "*"}, aggregate: count, window: 7d}
  last_seen: {match: {event: "*"}, aggregate: recency}
score:
  groups:
    use: {weight: 50, inputs: [{signal: uses_7d, curve: {points: [[0, 0], [5, 100]]}}]}
    recency: {weight: 50, inputs: [{signal: last_seen, curve: {points: [[1, 100], [8, 0]]}}]}
  new_account_grace: 2d
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 1h}
"""


class Noted(NullObserver):
    """Counts what a runner had to go through."""

    def __init__(self) -> None:
        self.waits = self.refusals = self.commits = 0

    def waiting(self, cause: str) -> None:
        assert cause == "redis"
        self.waits += 1

    def refused(self, partition: int) -> None:  # noqa: ARG002 - the port's shape
        self.refusals += 1

    def committed(self, partition: int, counts: object, rows: int) -> None:  # noqa: ARG002 - the port's shape
        self.commits += 1


@dataclass
class Line:
    """One partition of three: a log that grows by days, and a runner that applies it to a store."""

    model: HealthModel
    partition: int
    partitions: int
    log: MemoryLog = field(init=False)
    noted: Noted = field(default_factory=Noted)
    failures: list[Exception] = field(default_factory=list)
    outputs: list[MemoryOutput] = field(default_factory=list)
    days: int = 0

    def __post_init__(self) -> None:
        self.log = MemoryLog(partition=self.partition)
        names = (f"account-{number}" for number in range(1000))
        self.accounts = [n for n in names if murmur2_partition(n.encode(), self.partitions) == self.partition][:8]

    def grow(self) -> None:
        """One more day: some accounts are used, each stops for days on end, and three ticks."""
        for number, account in enumerate(self.accounts):
            at_ms = START + self.days * DAY + number * HOUR
            if (self.days + number) % 12 < 5:
                event = UsageEvent(id=f"e{self.log.end}", account_id=account, event="Used", time=from_ms(at_ms))
                record = encode_event(event)
                self.log.append(record.key, record.value, record.headers, timestamp=at_ms)
        for hour in (9, 15, 21):
            at_ms = START + self.days * DAY + hour * HOUR
            tick = encode_tick(at_ms, source="kenko/scorer", id=f"t{self.log.end}")
            self.log.append(tick.key, tick.value, tick.headers, timestamp=at_ms)
        self.days += 1

    def runner(self, store: PartitionStore, noted: NullObserver) -> PartitionRunner:
        plan = RunnerPlan(
            partition=self.partition,
            partitions=self.partitions,
            topic=self.log.topic,
            transitions_topic="transitions",
            scores_topic="scores",
            dead_letters_topic="dead-letters",
            log_id="test-log",
            commit_every=10,
        )
        self.outputs.append(MemoryOutput())
        runner = PartitionRunner(
            plan=plan,
            scorer=Scorer(self.model),
            store=store,
            output=self.outputs[-1],
            log=self.log,
            observer=noted,
            clock=ManualClock(),
            patience=Patience(noted, sleep=lambda s: asyncio.sleep(min(s, 0.02))),
            failed=lambda _, error: self.failures.append(error),
        )
        runner.start()
        return runner

    async def feed(self, runner: PartitionRunner, reached: Callable[[], bool]) -> None:
        """Hand batches over until `reached()`. What is fetched already waits in the runner, as it does in a service."""
        async with asyncio.timeout(LIMIT_S):
            while not reached() and not self.failures:
                if (batch := self.log.fetch(5)) is not None:
                    runner.deliver(batch, lambda: None)
                await asyncio.sleep(0)

    async def during(self, store: PartitionStore, fault: Callable[[], Any]) -> None:
        """Run over `store` from before `fault` until well after it, on a log that does not end meanwhile."""
        runner = self.runner(store, self.noted)
        over = asyncio.create_task(self._over(fault))
        try:
            async with asyncio.timeout(LIMIT_S):
                while not over.done() and not self.failures:
                    if self.log.end - (runner.next_offset or 0) < 100:
                        self.grow()
                    if (batch := self.log.fetch(5)) is not None:
                        runner.deliver(batch, lambda: None)
                    await asyncio.sleep(0.001)
            if self.failures:
                raise self.failures[0]
            await over
            for _ in range(12):
                self.grow()
            await self.feed(runner, lambda: runner.fence_offset == self.log.end)
            assert not self.failures
        finally:
            over.cancel()
            with suppress(asyncio.CancelledError):
                await over
            await runner.stop(5)

    async def _over(self, fault: Callable[[], Any]) -> None:
        await self.after_commits(5)
        await fault()
        await self.after_commits(5)

    async def after_commits(self, number: int) -> None:
        """Until so many more commits were applied."""
        wanted = self.noted.commits + number
        while self.noted.commits < wanted:
            await asyncio.sleep(0.002)

    async def waited(self, number: int = 2) -> None:
        """Until the runner has tried in vain so many more times."""
        wanted = self.noted.waits + number
        while self.noted.waits < wanted:
            await asyncio.sleep(0.002)

    async def agrees(self, store: PartitionStore) -> None:
        """Rows, fence, due times and transitions are those of a runner whose store never failed."""
        (sent,) = self.outputs
        twin = MemoryPartitionStore(MemoryPartition())
        self.log.position = 0
        reference = self.runner(twin, NullObserver())
        await self.feed(reference, lambda: reference.fence_offset == self.log.end)
        await reference.stop(5)
        assert not self.failures

        assert await contents(store, self.accounts) == await contents(twin, self.accounts)
        told, expected = transitions(sent.sent), transitions(self.outputs[-1].sent)
        # What a lost answer or an older fence repeats has the same ids, and is the same to the last field.
        assert list({t.id: t for t in told}) == [t.id for t in expected]
        assert {t.id: t for t in told} == {t.id: t for t in expected}
        assert expected
        assert not [record for record in sent.sent if record.topic == "dead-letters"]


async def contents(store: PartitionStore, accounts: list[str]) -> dict[str, Any]:
    rows = await store.rows(accounts)
    return {
        "fence": await store.fence(),
        "rows": {account: row and row.state for account, row in rows.items()},
        "due": await store.due(2**50, 1000),
    }


def transitions(records: list[OutRecord]) -> list[Transition]:
    return [Transition.model_validate_json(r.value or b"") for r in records if r.topic == "transitions"]


@pytest.fixture(scope="session")
def small_model() -> HealthModel:
    return load_model(MODEL, name="small.yaml")


@pytest.fixture
def line(small_model: HealthModel) -> Callable[..., Line]:
    """Makes the line of a partition; the only one, where no other is asked for."""
    return lambda partition=0, partitions=1: Line(small_model, partition, partitions)


@pytest.fixture
def store_of() -> Callable[[AnyRedis, Line], RedisPartitionStore]:
    """The store of a line in Redis."""
    return lambda client, line: RedisPartitionStore(
        client, PartitionKeys("small-0123abcd", line.partition, line.partitions)
    )
