"""The sink that counts: one aiokafka producer, acks=all, every record awaited.

It starts without Kafka and connects when Kafka comes. After a failed write, or when the brokers stop answering, the
producer is dropped and a new one connects in the background; until then a write fails at once, so nothing piles up
in memory while Kafka is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from aiokafka import AIOKafkaProducer

from kenko.engine.partitioning import murmur2_partition
from kenko.runtime.errors import PermanentError, TransientError
from kenko.runtime.health import CheckResult
from kenko.runtime.logging import get_logger
from kenko.stream.kafka_errors import translate, translated
from kenko.stream.topics import ensure_topics
from schemas.topics import Topic
from services.ingest.batches import BatchWriter
from services.ingest.settings import IngestSettings
from services.ingest.sink import Outgoing

CLIENT_ID: Final = "kenko-ingest"
CHECK_INTERVAL_S: Final = 2.0
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 5.0
RETRY_AFTER_S: Final = 5.0
_TURN: Final = 200
"""Records handed to the producer before other requests get their turn."""

_log = get_logger(__name__)

_partition_of = lru_cache(maxsize=65_536)(murmur2_partition)
"""murmur2 in Python costs more than the rest of a send; accounts come again and again."""


class KafkaSink:
    """An `EventSink`. `run` has to be running; `on_change` is told whether Kafka answers."""

    def __init__(self, settings: IngestSettings, on_change: Callable[[bool], object]) -> None:
        self._settings = settings
        self._on_change = on_change
        self._deadline_s = settings.ingest_produce_timeout_s
        self._producer: AIOKafkaProducer | None = None
        self._writer: BatchWriter | None = None
        """Of the producer."""
        self._partitions: dict[Topic, tuple[str, int]] = {}
        """By topic: its real name, and how many it has."""
        self._dropped = asyncio.Event()
        self._leaving: set[asyncio.Task[None]] = set()
        self._reason = "not connected to Kafka yet"

    def standing(self) -> CheckResult:
        return CheckResult(ok=self._producer is not None, reason=self._reason)

    async def run(self) -> None:
        """Keep a producer connected, until cancelled.

        Raises:
            ConfigurationError: the topics do not fit the settings.
        """
        failures = 0
        while True:
            try:
                await self._connect()
            except (TransientError, PermanentError) as error:
                failures += 1
                pause_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures, 10))
                self._reason = f"Kafka does not answer: {error}"
                _log.warning("ingest.kafka_awaited", failures=failures, pause_s=pause_s, error=str(error))
                await asyncio.sleep(pause_s)
                continue
            failures = 0
            await self._watch()

    async def stop(self) -> None:
        """Write out what is buffered and leave. Requests that wait for an acknowledgement get it first."""
        producer, self._producer = self._producer, None
        self._reason = "ingest is stopping"
        if producer is not None and self._writer is not None:
            self._leave(producer, self._writer)
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=self._deadline_s)

    async def write(self, records: Sequence[Outgoing]) -> None:
        producer, writer = self._producer, self._writer
        if producer is None or writer is None:
            raise TransientError(self._reason, retry_after_s=RETRY_AFTER_S)
        acks: set[asyncio.Future[None]] = set()
        counts = self._partitions
        try:
            async with asyncio.timeout(self._deadline_s):
                for number, (topic, (key, value, headers)) in enumerate(records, start=1):
                    name, count = counts[topic]
                    # A dead letter has no key: any partition will do.
                    partition = _partition_of(key, count) if key is not None else number % count
                    acks.add(writer.add((name, partition), key, value, headers))
                    if number % _TURN == 0:
                        await asyncio.sleep(0)
                if acks:
                    await asyncio.wait(acks)
        except TimeoutError:
            text = f"Kafka did not acknowledge within {self._deadline_s:g} s"
            self._drop(producer, text)
            raise TransientError(text, retry_after_s=RETRY_AFTER_S) from None
        failures = [error for ack in acks if isinstance(error := ack.exception(), Exception)]
        if failures:
            # Some may be kept: the client sends all again with the same ids, and the scorer counts each once.
            text = str(translate(failures[0]))
            self._drop(producer, text)
            raise TransientError(text, retry_after_s=RETRY_AFTER_S)

    async def _connect(self) -> None:
        settings = self._settings
        # Before the producer asks for a topic: asking creates it on some brokers, with a number of partitions of its own.
        await ensure_topics(
            settings.kafka_url,
            partitions=settings.partitions,
            replication=settings.kafka_replication,
            prefix=settings.topic_prefix,
            client_id=CLIENT_ID,
        )
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka_servers,
            client_id=CLIENT_ID,
            acks="all",
            enable_idempotence=settings.kafka_idempotence,
            max_batch_size=131_072,
            request_timeout_ms=int(self._deadline_s * 1000),
        )
        try:
            with translated():
                await producer.start()
                for topic in (Topic.USAGE_EVENTS, Topic.DEAD_LETTERS):
                    name = settings.topic(topic)
                    self._partitions[topic] = name, len(await producer.partitions_for(name))
        except BaseException:
            await producer.stop()
            raise
        self._dropped.clear()
        self._producer = producer
        self._writer = BatchWriter(producer, settings.ingest_linger_ms / 1000)
        self._reason = "Kafka answers"
        self._on_change(True)
        _log.info("ingest.kafka_connected")

    async def _watch(self) -> None:
        """Return when the producer is dropped: by a write, or here, when the brokers answer no more."""
        while (producer := self._producer) is not None:
            try:
                async with asyncio.timeout(CHECK_INTERVAL_S):
                    await self._dropped.wait()
            except TimeoutError:
                if not await self._answers(producer):
                    self._drop(producer, "the brokers do not answer")

    async def _answers(self, producer: AIOKafkaProducer) -> bool:
        try:
            async with asyncio.timeout(CHECK_INTERVAL_S * 2):
                return bool(await producer.client.force_metadata_update())
        except TimeoutError:
            return False

    def _drop(self, producer: AIOKafkaProducer, reason: str) -> None:
        """Use `producer` no more. What it still holds for other requests it writes before it leaves."""
        if self._producer is not producer or self._writer is None:
            return
        self._producer = None
        self._reason = f"Kafka does not answer: {reason}"
        self._dropped.set()
        self._on_change(False)
        _log.warning("ingest.kafka_lost", reason=reason)
        self._leave(producer, self._writer)

    def _leave(self, producer: AIOKafkaProducer, writer: BatchWriter) -> None:
        leaving = asyncio.get_running_loop().create_task(
            _stop(producer, writer, self._deadline_s), name="ingest.producer_leaves"
        )
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)


async def _stop(producer: AIOKafkaProducer, writer: BatchWriter, deadline_s: float) -> None:
    try:
        async with asyncio.timeout(deadline_s):
            await writer.finish()
    except TimeoutError:
        _log.warning("ingest.batches_left_behind")  # whoever waits for them is told, and sends again
    try:
        with translated():
            await producer.stop()
    except (TransientError, PermanentError) as error:
        _log.warning("ingest.producer_stop_failed", error=str(error))
