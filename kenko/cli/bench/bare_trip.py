"""What no alert can be faster than: the same records through the same broker, from a bare producer to a bare consumer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from kenko.cli.bench.falling import FALLS
from kenko.cli.bench.paced import new_producer, send_paced
from kenko.dialects.record import KafkaRecord
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings

FETCH_WAIT_MS: Final = 50
"""Kafka answers as soon as there is a record; the trial broker may let the wait pass."""
_CLOCK: Final = SystemClock()
_TOPIC: Final = "kenko.bench.bare"


async def make_bare_topic(settings: Settings) -> None:
    """Make the topic of the bare trip, ahead of it: right after it is made, a broker does not know who leads it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_servers)
    await admin.start()
    try:
        topic = NewTopic(settings.topic_prefix + _TOPIC, settings.partitions, settings.kafka_replication)
        await admin.create_topics([topic])
    finally:
        await admin.close()


async def bare_trips_s(
    settings: Settings, records: Sequence[KafkaRecord], per_second: float, report: Callable[[float], None]
) -> list[float]:
    """Seconds from handing a record to the producer until a consumer holds it, of each fall among `records`."""
    topic = settings.topic_prefix + _TOPIC
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_servers,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    producer = new_producer(settings)
    await consumer.start()
    try:
        await producer.start()
        try:
            consumer.assign([TopicPartition(topic, partition) for partition in range(settings.partitions)])
            await producer.partitions_for(topic)
            reading = asyncio.create_task(_read(consumer, len(records)))
            paced = await send_paced(producer, topic, records, per_second, report)
            arrived_s = await reading
        finally:
            await producer.stop()
    finally:
        await consumer.stop()
    return [arrived_s[key] - sent_s for key, sent_s in paced.sent_s.items()]


async def _read(consumer: Any, count: int) -> dict[bytes, float]:
    arrived_s: dict[bytes, float] = {}
    while count > 0:
        for records in (await consumer.getmany(timeout_ms=1000, max_records=5000)).values():
            now_s = _CLOCK.monotonic()
            count -= len(records)
            for record in records:
                if record.key.startswith(FALLS):
                    arrived_s[record.key] = now_s
    return arrived_s
