"""Write the ticks of a replay: one record to every partition of the usage-events topic, acknowledged by the broker."""

from __future__ import annotations

import asyncio
import uuid
from types import TracebackType
from typing import Protocol, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from kenko.dialects.cloudevents import encode_tick
from kenko.runtime.errors import TransientError
from kenko.runtime.settings import Settings
from schemas.topics import Topic

SOURCE = "kenko/replay"


class Ticks(Protocol):
    """Where the ticks of a replay go."""

    async def write(self, time_ms: int) -> None:
        """A tick at `time_ms` to every partition; returns when all are acknowledged."""


class NoTicks:
    """`time: wall`: the scorer writes the ticks."""

    async def write(self, time_ms: int) -> None:
        """Nothing to do."""


class TickWriter:
    """Async context manager. Ids are unique over runs: a second replay's ticks are no repeats of the first one's."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.topic(Topic.USAGE_EVENTS)
        self._run = uuid.uuid4().hex[:12]
        self._written = 0
        self._producer: AIOKafkaProducer | None = None
        self.ends: dict[int, int] = {}
        """By partition: the offset behind its newest tick. After the last one that is the end of the log."""

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka_servers,
            enable_idempotence=self._settings.kafka_idempotence,
            acks="all",
            linger_ms=0,
        )
        try:
            await self._producer.start()
        except KafkaError as error:
            await self._producer.stop()
            raise TransientError(f"Kafka at {self._settings.kafka_url} does not answer: {error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def write(self, time_ms: int) -> None:
        """A tick at `time_ms` to every partition. Returns when all are acknowledged.

        Raises:
            TransientError: the broker took one of them not within its own timeout.
        """
        if self._producer is None:
            raise RuntimeError("enter the context first")
        self._written += 1
        record = encode_tick(time_ms, source=SOURCE, id=f"{self._run}-{self._written}")
        try:
            acks = [
                await self._producer.send(
                    self._topic, record.value, key=record.key, partition=partition, headers=record.headers
                )
                for partition in range(self._settings.partitions)
            ]
            written = await asyncio.gather(*acks)
        except KafkaError as error:
            raise TransientError(f"Kafka did not take a tick: {error}") from error
        self.ends = {metadata.partition: metadata.offset + 1 for metadata in written}
