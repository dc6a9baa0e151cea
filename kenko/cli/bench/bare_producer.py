"""What ingest cannot be faster than: a bare aiokafka producer that sends the same records and waits for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import process_time
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from kenko.dialects.record import KafkaRecord
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings
from schemas.topics import Topic


class Sent(NamedTuple):
    """What sending took."""

    seconds: float
    cpu_seconds: float


async def send_all(settings: Settings, batches: Sequence[Sequence[KafkaRecord]], at_once: int) -> Sent:
    """Each batch is handed over record by record and awaited as a whole; `at_once` batches are under way together.

    acks=all, batch size and linger as ingest has them.
    """
    clock = SystemClock()
    topic = settings.topic(Topic.USAGE_EVENTS)
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_servers,
        acks="all",
        enable_idempotence=settings.kafka_idempotence,
        max_batch_size=131_072,
        linger_ms=3,
    )
    await producer.start()
    try:
        await producer.partitions_for(topic)
        waiting = iter(batches)
        started, cpu_started = clock.monotonic(), process_time()

        async def one_sender() -> None:
            for batch in waiting:
                acks = [await producer.send(topic, r.value, key=r.key, headers=r.headers) for r in batch]
                await asyncio.gather(*acks)

        await asyncio.gather(*(one_sender() for _ in range(at_once)))
        return Sent(clock.monotonic() - started, process_time() - cpu_started)
    finally:
        await producer.stop()
