"""The Faust transport of our own: Faust's aiokafka driver, with record batches and positions that follow the fence.

Scheme `kenko://`; `register()` makes Faust know it, so no entry point has to be installed. It leans on internals of
faust-streaming 0.15.3 (the version is pinned); each override says which one and why.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Protocol

from aiokafka.errors import KafkaError
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver

from kenko.runtime.logging import get_logger
from kenko.stream.batches import pack

SCHEME: Final = "kenko"

_log = get_logger(__name__)


class BatchedTopics(Protocol):
    """Who consumes topics in batches and keeps their positions. Lives on the app as `batched`."""

    names: Collection[str]

    async def positions(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Partitions were assigned: take their readers up and put them at their fences.

        Returns the positions by then known; a reader that still waits for its fence holds its partition back itself.
        Must return within half of `broker_request_timeout`: when it outlasts the whole of it, Faust's recovery task
        ends and the worker would stay up for ever without consuming.
        """

    async def revoked(self, partitions: Collection[int]) -> None:
        """Partitions are taken away: finish or drop what is in hand."""

    def fence(self, partition: int) -> int | None:
        """The offset to show to Kafka as committed; it only follows, for lag monitors."""


class NoBatchedTopics:
    """Every topic is consumed message by message."""

    names: Collection[str] = frozenset()

    async def positions(self, partitions: Collection[int]) -> Mapping[int, int]:  # noqa: ARG002 - the port's shape
        return {}

    async def revoked(self, partitions: Collection[int]) -> None:
        """There is none."""

    def fence(self, partition: int) -> int | None:  # noqa: ARG002 - the port's shape
        return None


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Packs fetched records into batches. All methods here run on the consumer's thread."""

    logger = driver.logger

    def __post_init__(self) -> None:
        super().__post_init__()
        self._batched: BatchedTopics = self.app.batched
        self._fetch_wait_ms: int = self.app.fetch_wait_ms
        # Where the next records of a partition are read from: the last seek, or the end of the last batch, whichever
        # came later. Only this thread touches it, in the same step in which aiokafka's own position moves, so a batch
        # can never claim to follow what it does not.
        self._follows: dict[Any, int] = {}
        self.taken: dict[Any, int] = {}
        """The offsets that Kafka took, of the partitions we own. (Faust notes those that it refused, too.)"""

    def _create_worker_consumer(self, transport: Any) -> Any:
        """As Faust's, which waits 1.5 s for the next record whatever its settings say: too long for a broker that
        answers only when the wait is over.
        """
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = self._fetch_wait_ms  # noqa: SLF001 - read when the consumer starts; no public one
        return consumer

    async def _fetch_records(self, consumer: Any, *args: Any, **kwargs: Any) -> Mapping[Any, list[Any]]:
        fetched = await super()._fetch_records(consumer, *args, **kwargs)
        # No await from here on: a seek in between would make `_follows` lie.
        return {tp: self._packed(consumer, tp, records) for tp, records in fetched.items()}

    def _packed(self, consumer: Any, tp: Any, records: list[Any]) -> list[Any]:
        if tp.topic not in self._batched.names or not records:
            return records
        follows = self._follows.get(tp, records[0].offset)
        self._follows[tp] = records[-1].offset + 1
        return list(pack(tp.topic, records, follows=follows, highwater=consumer.highwater(tp)))

    async def _seek_wait(self, consumer: Any, partitions: Mapping[Any, int]) -> None:
        self._follows.update(partitions)  # runs in one step with the seeks at the start of super()
        await super()._seek_wait(consumer, partitions)

    async def seek_to_committed(self) -> Mapping[Any, int]:
        self._follows.clear()
        committed: Mapping[Any, int] = await super().seek_to_committed()
        return committed

    async def on_partitions_assigned(self, assigned: Any, generation_id: int = 0) -> None:
        self._follows.clear()  # aiokafka starts again from the committed offsets
        self.taken.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    async def committed(self, tp: Any) -> int | None:
        """The group's committed offset of an aiokafka TopicPartition, as the broker has it; None: there is none."""
        offset: int | None = await self.call_thread(self._ensure_consumer().committed, tp)
        return offset

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        """Commit; a failure is logged, not a crash: the next interval tries again, and the fence is the truth."""
        consumer = self._ensure_consumer()
        held = {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
        try:
            await consumer.commit({driver.ensure_aiokafka_TP(tp): offset for tp, offset in held.items()})
        except KafkaError as error:
            _log.warning("stream.offset_commit_failed", error=repr(error), partitions=len(held))
            return False
        self.taken.update(held)
        return True


class _ReadOffsets(defaultdict[Any, "int | None"]):
    """Faust's `_read_offset`, blind for batched topics.

    Faust drops a message below the offset it last read; after a seek back that dropped a re-read for ever (a livelock,
    seen). For batched topics the runner alone decides, by the fence.
    """

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(lambda: None)
        self._names = names

    def __getitem__(self, tp: Any) -> int | None:
        return None if tp.topic in self._names else super().__getitem__(tp)


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer; for batched topics the fence takes the place of acks, gaps and committed offsets."""

    logger = driver.logger

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._batched: BatchedTopics = self.app.batched
        self._read_offset = _ReadOffsets(self._batched.names)
        self._resumed = asyncio.Event()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _new_offset(self, tp: Any) -> int | None:
        """The offset to commit. Not from acks: after a seek back, Faust's ack list crawls by one a second."""
        if tp.topic not in self._batched.names:
            offset: int | None = super()._new_offset(tp)
            return offset
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self._batched.fence(tp.partition)

    async def committed(self, tp: Any) -> int | None:
        """See `ConsumerThread.committed`."""
        offset: int | None = await self._thread.committed(tp)
        return offset

    def _should_commit(self, tp: Any, offset: int) -> bool:
        if tp.topic not in self._batched.names:
            return bool(super()._should_commit(tp, offset))
        return bool(offset != self._committed_offset[tp])  # it may go back: to another log's beginning

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[Any]:
        """Besides the acked ones all batched partitions: a fence can move while no message is acked."""
        yield from (tp for tp in super()._filter_tps_with_pending_acks(topics) if tp.topic not in self._batched.names)
        batched = (tp for tp in self.assignment() if tp.topic in self._batched.names)
        yield from (tp for tp in batched if topics is None or tp in topics or tp.topic in topics)

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        if tp.topic not in self._batched.names:
            await super()._add_gap(tp, offset_from, offset_to)

    async def seek_to_committed(self) -> Mapping[Any, int]:
        """Called after every rebalance: the last word on the positions."""
        assigned = self.assignment()
        batched = {tp for tp in assigned if tp.topic in self._batched.names}
        positions: dict[Any, int] = {}
        if assigned - batched:
            positions.update(await super().seek_to_committed())
        if batched:
            by_partition = await self._batched.positions({tp.partition for tp in batched})
            positions.update({tp: by_partition[tp.partition] for tp in batched if tp.partition in by_partition})
        return positions

    async def on_partitions_assigned(self, assigned: Any, generation_id: int = 0) -> None:
        await super().on_partitions_assigned(assigned, generation_id)
        if not any(tp.topic in self._batched.names for tp in assigned):
            # Faust asks for positions only where it has something to seek. A worker without partitions has come up, too.
            await self._batched.positions(frozenset())

    async def on_partitions_revoked(self, revoked: Any) -> None:
        await super().on_partitions_revoked(revoked)  # first: it stops the flow and clears the buffers
        self._buffered_partitions.difference_update(revoked)  # Faust forgets to
        await self._batched.revoked({tp.partition for tp in revoked if tp.topic in self._batched.names})

    def taken(self, partition: int) -> int | None:
        """The offset that Kafka took last for this partition of a batched topic; None: none since it is ours."""
        return next((o for tp, o in list(self._thread.taken.items()) if _is_of(tp, self._batched, partition)), None)

    def hold_back(self, tp: Any) -> None:
        """Fetch no more from `tp`; what is fetched already still comes. (A pause would drop that.)"""
        self.on_buffer_full(tp)

    def let_go(self, tp: Any) -> None:
        """Fetch from `tp` again."""
        self.on_buffer_drop(tp)
        self._resumed.set()

    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:  # noqa: ASYNC109 - Faust's signature
        """As Faust's, but with every partition held back it waits for one to be let go, not for a whole second."""
        if self.flow_active and not self.app.client_only and not self._get_active_partitions():
            self._resumed.clear()
            try:
                await asyncio.wait_for(self._resumed.wait(), timeout)
            except TimeoutError:
                return {}, self._get_active_partitions()
        fetched: tuple[Any, Any] = await super()._wait_next_records(timeout)
        return fetched


def _is_of(tp: Any, batched: BatchedTopics, partition: int) -> bool:
    return tp.partition == partition and tp.topic in batched.names


class Transport(driver.Transport):  # type: ignore[misc]
    """Kafka by aiokafka, with batches."""

    Consumer = Consumer


def register() -> None:
    """Make Faust know the scheme; done by `build_app`."""
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
