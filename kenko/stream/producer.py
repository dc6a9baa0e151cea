"""Output: records that must be in Kafka before the fence moves. A producer of our own, not Faust's.

Faust's `producer.flush()` returns after 0.1 s without progress and a failed send is only logged; here each record's
acknowledgement is awaited, and a failure is an error.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from aiokafka import AIOKafkaProducer

from kenko.runtime.errors import PermanentError, TransientError
from kenko.runtime.logging import get_logger
from kenko.runtime.settings import Settings
from kenko.stream.kafka_errors import translate, translated

REQUEST_TIMEOUT_MS = 30_000
MAX_REQUEST_BYTES = 1_000_000
"""Just below Kafka's default limit of a record, so that a record too large is refused here, by name."""

BATCH_BYTES = 128 * 1024
"""Of one partition's records, the most that is under way at once. aiokafka has one batch of a partition under way, whoever
fills it, so this is what a long list takes its time by: 5,000 transitions in 60 answers. Kafka takes a megabyte by
default; a topic that takes less than this would need less."""

_log = get_logger(__name__)


class OutRecord(NamedTuple):
    """A record to write. The real topic name; a partition of one's own choosing, or None for the key's."""

    topic: str
    key: bytes | None
    value: bytes | None
    """None: a tombstone, on a topic that keeps the latest record of a key."""
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None
    timestamp_ms: int | None = None
    """Kafka timestamp; None is now. A topic with LogAppendTime has the broker's instead."""


class Output(Protocol):
    """Where records go that must be durable before anything else happens."""

    async def send(self, records: Sequence[OutRecord]) -> list[int]:
        """Write them; records of one partition keep their order. Returns their offsets, once every replica that
        matters has all.

        Raises:
            TransientError: some may be written, some not: send the same list again.
            PermanentError: one of them will never be taken as it is.
        """

    async def send_in_order(self, records: Sequence[OutRecord]) -> None:
        """Write records that each name their partition, none before those of its partition ahead of it are acknowledged.

        Whatever fails: where one of them stands in the log, those ahead of it stand before it.

        Raises:
            TransientError: of each partition a first part is written: send the same list again.
            PermanentError: one of them will never be taken as it is.
        """


class MemoryOutput:
    """The twin: keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[OutRecord] = []

    async def send(self, records: Sequence[OutRecord]) -> list[int]:
        self.sent.extend(records)
        return list(range(len(self.sent) - len(records), len(self.sent)))

    async def send_in_order(self, records: Sequence[OutRecord]) -> None:
        by_partition(records)
        self.sent.extend(records)


class KafkaOutput:
    """An `Output` over one aiokafka producer, acks=all, idempotent where the broker can."""

    def __init__(self, settings: Settings, *, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._producer: Any = None
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Connect.

        Raises:
            TransientError: no broker answers.
        """
        async with self._lock:
            await self._started()

    async def stop(self) -> None:
        """Write out what is buffered and leave. May be called twice."""
        async with self._lock:
            producer, self._producer = self._producer, None
            if producer is not None:
                with translated():
                    await producer.stop()

    async def send(self, records: Sequence[OutRecord]) -> list[int]:
        if not records:
            return []
        async with self._lock:
            producer = await self._started()
        with translated():
            acks = [
                await producer.send(
                    r.topic,
                    r.value,
                    key=r.key,
                    partition=r.partition,
                    timestamp_ms=r.timestamp_ms,
                    headers=list(r.headers),
                )
                for r in records
            ]
        results = await asyncio.gather(*acks, return_exceptions=True)
        failed = [result for result in results if isinstance(result, BaseException)]
        if failed:
            raise await self._failure(producer, failed[0])
        return [ack.offset for ack in results if not isinstance(ack, BaseException)]

    async def send_in_order(self, records: Sequence[OutRecord]) -> None:
        if not records:
            return
        lanes = by_partition(records)
        async with self._lock:
            producer = await self._started()
        sending = [_send_lane(producer, topic, partition, lane) for (topic, partition), lane in lanes.items()]
        results = await asyncio.gather(*sending, return_exceptions=True)
        failed = [result for result in results if result is not None]
        if failed:
            raise await self._failure(producer, failed[0])

    async def _failure(self, producer: Any, error: BaseException) -> BaseException:
        """What `error` asks of the caller. Whatever happened, the next try begins with a new producer.

        An idempotent producer that lost its place in the sequence refuses everything that follows.
        """
        if not isinstance(error, Exception):
            return error
        async with self._lock:
            if self._producer is producer:
                self._producer = None
                stopping = asyncio.ensure_future(producer.stop())
                stopping.add_done_callback(_log_failed_stop)
        return translate(error)

    async def _started(self) -> Any:
        if self._producer is not None:
            return self._producer
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka_servers,
            client_id=self._client_id,
            acks="all",
            enable_idempotence=self._settings.kafka_idempotence,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
        )
        try:
            with translated():
                await producer.start()
        except (TransientError, PermanentError):
            await producer.stop()
            raise
        self._producer = producer
        return producer


def by_partition(records: Sequence[OutRecord]) -> dict[tuple[str, int], list[OutRecord]]:
    """The records of each partition. Raises ValueError if one does not name its own."""
    lanes: dict[tuple[str, int], list[OutRecord]] = {}
    for record in records:
        if record.partition is None:
            raise ValueError("records that are written in order name their partition")
        lanes.setdefault((record.topic, record.partition), []).append(record)
    return lanes


async def _send_lane(producer: Any, topic: str, partition: int, records: Sequence[OutRecord]) -> None:
    """One batch after another. A batch is written as a whole or not at all; with several under way, an earlier one could
    fail and a later one stand in the log.
    """
    left = deque(records)
    while left:
        batch = producer.create_batch()
        while left and _append(batch, left[0]):
            left.popleft()
        batch.close()  # or `send` could add records of its own
        await (await producer.send_batch(batch, topic, partition=partition))


def _append(batch: Any, record: OutRecord) -> bool:
    """Whether it had room; the first record of a batch always has."""
    added = batch.append(
        timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=list(record.headers)
    )
    return added is not None


def _log_failed_stop(stopping: asyncio.Future[None]) -> None:
    if not stopping.cancelled() and (error := stopping.exception()) is not None:
        _log.warning("stream.producer_stop_failed", error=repr(error))
