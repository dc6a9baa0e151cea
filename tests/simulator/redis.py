"""The virtual Redis: the in-memory twins of both stores behind a network, and what becomes of them in a crash."""

from __future__ import annotations

import copy
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from kenko.alerting.record import AlertHistory, DeliveryRecord
from kenko.engine.rows import Row
from kenko.runtime.errors import TransientError
from kenko.store.alerts import KEPT_ALERTS, AlertWrite, Claim, Delivery, Erased, RecordOutcome, Seen
from kenko.store.alerts_memory import MemoryAlertStore
from kenko.store.memory_partition import MemoryPartition
from kenko.store.port import CommitOutcome, Fence, PartitionCommit
from schemas.alert import Notice
from tests.simulator.network import Network, Server

Result = TypeVar("Result")
OUT_OF_MEMORY = TransientError("OOM command not allowed when used memory > 'maxmemory'", retry_after_s=5.0)


class Redis(Server):
    """All partitions of both services."""

    def __init__(self, network: Network, partitions: int) -> None:
        super().__init__("redis")
        self.network = network
        self.full = False
        self.partitions = [MemoryPartition() for _ in range(partitions)]
        self.alerts = [MemoryAlertStore(p) for p in range(partitions)]
        self.refusals = 0

    def saved(self) -> tuple[list[MemoryPartition], list[MemoryAlertStore]]:
        """What the append-only file holds on the disk at this moment."""
        return copy.deepcopy((self.partitions, self.alerts))

    def crash(self, saved: tuple[list[MemoryPartition], list[MemoryAlertStore]]) -> bool:
        """All since `saved` is lost. Whether that was anything."""
        before = [partition.fence() for partition in self.partitions]
        self.partitions, self.alerts = saved
        return before != [partition.fence() for partition in self.partitions]

    def flush_states(self) -> None:
        """What a lost keyspace of the scorer is: the alerts are still there."""
        for partition in self.partitions:
            partition.clear()

    def flush(self) -> None:
        """FLUSHALL."""
        self.flush_states()
        self.alerts = [MemoryAlertStore(p) for p in range(len(self.partitions))]

    def write(self) -> None:
        """Before each change."""
        if self.full:
            self.hit["full"] += 1
            raise OUT_OF_MEMORY


class SimulatedStore:
    """A `PartitionStore` over the virtual Redis."""

    def __init__(self, redis: Redis, partition: int) -> None:
        self._redis = redis
        self._partition = partition

    @property
    def _core(self) -> MemoryPartition:
        return self._redis.partitions[self._partition]

    async def fence(self) -> Fence | None:
        return await self._read(lambda core: core.fence())

    async def forgotten(self) -> frozenset[bytes]:
        return await self._read(lambda core: core.forgotten())

    async def rows(self, account_ids: Iterable[str], *, with_ids: bool = True) -> dict[str, Row | None]:
        wanted = list(account_ids)
        return await self._read(lambda core: core.rows(wanted, with_ids=with_ids))

    async def due(self, until_ms: int, limit: int) -> list[tuple[int, str]]:
        return await self._read(lambda core: core.due(until_ms, limit))

    async def next_due(self) -> int | None:
        return await self._read(lambda core: core.next_due())

    async def _read(self, read: Callable[[MemoryPartition], Result]) -> Result:
        """Of the state as it is when the call arrives: a crash may come in between."""
        return await self._redis.network.call(self._redis, lambda: read(self._core))

    async def commit(self, commit: PartitionCommit) -> CommitOutcome:
        return await self._redis.network.call(self._redis, lambda: self._commit(commit), changes=True)

    def _commit(self, commit: PartitionCommit) -> CommitOutcome:
        self._redis.write()
        try:
            outcome = self._core.commit(commit)
        except TransientError:
            self._redis.hit["interrupted"] += 1
            raise
        self._redis.refusals += outcome is CommitOutcome.REFUSED
        return outcome


class SimulatedAlertStore:
    """An `AlertStore` over the virtual Redis."""

    def __init__(self, redis: Redis, partition: int) -> None:
        self._redis = redis
        self.partition = partition

    async def state(self, account_id: str, rule: str) -> Seen:
        return await self._ask(lambda store: store.state(account_id, rule))

    async def record(self, write: AlertWrite) -> RecordOutcome:
        return await self._change(lambda store: store.record(write))

    async def claim(self, receiver: str, now_ms: int, lease_ms: int) -> Claim:
        return await self._change(lambda store: store.claim(receiver, now_ms, lease_ms))

    async def reschedule(self, delivery: Delivery, at_ms: int) -> bool:
        return await self._change(lambda store: store.reschedule(delivery, at_ms))

    async def complete(self, delivery: Delivery, record: DeliveryRecord) -> bool:
        return await self._change(lambda store: store.complete(delivery, record))

    async def delivery_record(self, alert_id: str, receiver: str, notice: Notice) -> DeliveryRecord | None:
        return await self._ask(lambda store: store.delivery_record(alert_id, receiver, notice))

    async def forget(self, account_id: str) -> Erased:
        return await self._change(lambda store: store.forget(account_id))

    async def is_forgotten(self, account_id: str) -> bool:
        return await self._ask(lambda store: store.is_forgotten(account_id))

    async def outbox(self) -> Mapping[str, int]:
        return await self._ask(lambda store: store.outbox())

    async def disable(self, receiver: str, fingerprint: str) -> None:
        await self._change(lambda store: store.disable(receiver, fingerprint))

    async def disabled(self) -> Mapping[str, str]:
        return await self._ask(lambda store: store.disabled())

    async def alerts(self, limit: int = KEPT_ALERTS) -> list[AlertHistory]:
        return await self._ask(lambda store: store.alerts(limit))

    async def alert(self, alert_id: str) -> AlertHistory | None:
        return await self._ask(lambda store: store.alert(alert_id))

    async def _ask(self, call: Any) -> Any:
        redis = self._redis
        return await redis.network.call(redis, lambda: at_once(call(redis.alerts[self.partition])))

    async def _change(self, call: Any) -> Any:
        redis = self._redis

        def change() -> Any:
            redis.write()
            return at_once(call(redis.alerts[self.partition]))

        return await redis.network.call(redis, change, changes=True)


def at_once(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine that waits for nothing, as those of the in-memory twin are."""
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value
    raise AssertionError("an in-memory twin waited for something")
