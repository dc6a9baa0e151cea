"""What a runner asks of the log besides its records: hold back, let go, seek, where it starts and ends."""

from __future__ import annotations

from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.types import TP

from kenko.runtime.errors import TransientError
from kenko.stream.kafka_errors import translated


class PartitionLog(Protocol):
    """One partition's log, as its reader sees it. Raises TransientError where the broker does not answer."""

    def hold_back(self) -> None:
        """Fetch no more for now; what is fetched already still comes."""

    def let_go(self) -> None:
        """Fetch again."""

    async def seek(self, offset: int) -> None:
        """Read on from `offset`; returns when the position has moved."""

    async def start_offset(self) -> int:
        """The oldest offset that is still there."""

    async def end_offset(self, at_least: int) -> int:
        """The log's end. Exact if it is below `at_least`; otherwise any number from `at_least` on will do."""

    async def committed_offset(self) -> int | None:
        """What the consumer group last committed; None: nothing. All outputs below it were sent."""


class FaustLog:
    """A `PartitionLog` over the Faust consumer of this process."""

    def __init__(self, app: Any, topic: str, partition: int) -> None:
        self._app = app
        self._tp = TP(topic, partition)

    def hold_back(self) -> None:
        self._app.consumer.hold_back(self._tp)

    def let_go(self) -> None:
        self._app.consumer.let_go(self._tp)

    async def seek(self, offset: int) -> None:
        with translated():  # during a rebalance it is an IllegalStateError: soon revoked, or assigned again
            await self._app.consumer.seek_wait({self._kafka_tp: offset})

    async def start_offset(self) -> int:
        with translated():
            return int((await self._app.consumer.earliest_offsets(self._kafka_tp))[self._kafka_tp])

    async def end_offset(self, at_least: int) -> int:
        with translated():
            end = int((await self._app.consumer.highwaters(self._kafka_tp))[self._kafka_tp])
            if end >= at_least:
                return end
            return await self._fetched_end(end)

    async def committed_offset(self) -> int | None:
        with translated():
            offset: int | None = await self._app.consumer.committed(self._kafka_tp)
        return offset

    @property
    def _kafka_tp(self) -> TopicPartition:
        return TopicPartition(self._tp.topic, self._tp.partition)

    async def _fetched_end(self, end: int) -> int:
        """The high-water mark of a fetch answer: the trial broker's ListOffsets answers too low."""
        servers = [f"{url.host}:{url.port}" for url in self._app.transport.url]
        consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([self._kafka_tp])
            consumer.seek(self._kafka_tp, max(end - 1, 0))
            await consumer.getmany(self._kafka_tp, timeout_ms=2000, max_records=1)
            highwater: int | None = consumer.highwater(self._kafka_tp)
        finally:
            await consumer.stop()
        if highwater is None:
            raise TransientError(f"the broker did not say where {self._tp} ends")
        return max(end, highwater)
