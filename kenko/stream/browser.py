"""Read a topic from outside, as the commands do: no consumer group, nothing committed, no topic made by asking for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from kenko.runtime.errors import ConfigurationError, TransientError
from kenko.runtime.settings import Settings
from kenko.stream.kafka_errors import translated

REQUEST_TIMEOUT_MS: Final = 10_000
NO_PROGRESS_S: Final = 15.0
"""A broker that brings nothing for so long, though there is more, is not waited for any longer."""
_WAIT_MS: Final = 500
_RECORDS_AT_ONCE: Final = 2000


class Bounds(NamedTuple):
    """Where a partition's log begins and ends."""

    start: int
    """The oldest offset that is still there."""
    end: int
    """The offset that the next record will get."""


class TopicBrowser:
    """Async context manager over all partitions of one topic.

    Every method raises TransientError when no broker answers and PermanentError when it refuses. Entering it raises
    ConfigurationError where there is no such topic.
    """

    def __init__(self, settings: Settings, topic: str, *, client_id: str = "kenko-cli") -> None:
        self._topic = topic
        self._consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka_servers,
            client_id=client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # for an offset that retention takes away while we read
            fetch_max_wait_ms=settings.kafka_fetch_wait_ms,
            request_timeout_ms=max(REQUEST_TIMEOUT_MS, 2 * settings.kafka_fetch_wait_ms),
        )
        self._partitions: list[TopicPartition] = []

    async def __aenter__(self) -> Self:
        try:
            with translated():
                await self._consumer.start()
                self._partitions = await self._found()
            self._begin()
        except BaseException:
            await self._consumer.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    @property
    def partitions(self) -> list[int]:
        """Their numbers, ascending."""
        return [tp.partition for tp in self._partitions]

    async def bounds(self) -> dict[int, Bounds]:
        """Where each partition begins and ends now."""
        with translated():
            starts = await self._consumer.beginning_offsets(self._partitions)
            ends = await self._consumer.end_offsets(self._partitions)
        fetched = await self._fetched_ends({tp: ends[tp] for tp in self._partitions if ends[tp] > starts[tp]})
        return {tp.partition: Bounds(starts[tp], fetched.get(tp, ends[tp])) for tp in self._partitions}

    async def offsets_at(self, time_ms: int) -> dict[int, int]:
        """By partition the first offset whose record's Kafka timestamp is `time_ms` or later; the end if none is."""
        with translated():
            found = await self._consumer.offsets_for_times(dict.fromkeys(self._partitions, time_ms))
        ends = {p: bounds.end for p, bounds in (await self.bounds()).items()}
        offsets: dict[int, int] = {}
        for tp in self._partitions:
            place = found[tp]
            # Where none is that late Kafka answers nothing, and the trial broker a timestamp of -1.
            offsets[tp.partition] = int(ends[tp.partition] if place is None or place.timestamp < 0 else place.offset)
        return offsets

    async def read(self, ranges: Mapping[int, Bounds]) -> AsyncIterator[Any]:
        """The ConsumerRecords in these ranges of offsets, in order within a partition. Holes in the log are passed over."""
        left = {TopicPartition(self._topic, p): bounds.end for p, bounds in ranges.items() if bounds.start < bounds.end}
        self._fetch({tp: ranges[tp.partition].start for tp in left})
        clock = asyncio.get_running_loop()
        deadline = clock.time() + NO_PROGRESS_S
        while left:
            batches = await self._next()
            if batches:
                deadline = clock.time() + NO_PROGRESS_S
            for tp, batch in batches.items():
                for record in batch:
                    if record.offset < left.get(tp, 0):
                        yield record
            with translated():
                # A position also passes what is no record: the markers of transactions, what compaction took away.
                done = [tp for tp, end in left.items() if await self._consumer.position(tp) >= end]
            for tp in done:
                del left[tp]
            self._consumer.pause(*done)
            if clock.time() > deadline:
                raise TransientError(f"Kafka sends nothing more of {self._topic} though there is more")

    async def follow(self, starts: Mapping[int, int]) -> AsyncIterator[Any]:
        """The ConsumerRecords from these offsets on, as they come, without end."""
        self._fetch({TopicPartition(self._topic, partition): offset for partition, offset in starts.items()})
        while True:
            for batch in (await self._next()).values():
                for record in batch:
                    yield record

    async def _fetched_ends(self, ends: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """The ends that come along with a fetch of the last records: of a batch, the trial broker answers `ends` with the
        offset of its first record.
        """
        self._begin()  # forgets the ends that came along earlier
        self._fetch({tp: end - 1 for tp, end in ends.items()})
        clock = asyncio.get_running_loop()
        deadline = clock.time() + NO_PROGRESS_S
        while any(self._consumer.highwater(tp) is None for tp in ends):
            await self._next()
            if clock.time() > deadline:
                raise TransientError(f"Kafka does not say where {self._topic} ends")
        return {tp: max(end, self._consumer.highwater(tp)) for tp, end in ends.items()}

    async def _found(self) -> list[TopicPartition]:
        """Every partition, ascending. Asks for all topics: to ask for one that is not there may make it."""
        # What `topics()` asks for as well; but it throws the partitions away, and the consumer itself knows only its own topics.
        cluster = await self._consumer._client.fetch_all_metadata()  # noqa: SLF001
        if self._topic not in cluster.topics():
            raise ConfigurationError(f"Kafka has no topic {self._topic}. Make the topics with: kenko topics apply")
        numbers = sorted(cluster.partitions_for_topic(self._topic) or ())
        return [TopicPartition(self._topic, number) for number in numbers]

    def _begin(self) -> None:
        """All partitions, none of them fetched. Each has a position at once: for one without, the consumer asks a group that
        we are not in, and then may never stop.
        """
        self._consumer.assign(self._partitions)
        for tp in self._partitions:
            self._consumer.seek(tp, 0)
        self._consumer.pause(*self._partitions)

    def _fetch(self, starts: Mapping[TopicPartition, int]) -> None:
        """Fetch these partitions from these offsets on, and no other."""
        self._consumer.pause(*self._partitions)
        for tp, offset in starts.items():
            self._consumer.seek(tp, offset)
        self._consumer.resume(*starts)

    async def _next(self) -> Any:
        with translated():
            return await self._consumer.getmany(timeout_ms=_WAIT_MS, max_records=_RECORDS_AT_ONCE)
