"""What the scorer cannot be faster than: a bare aiokafka consumer that decodes the same records, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import process_time
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from kenko.dialects.cloudevents import decode_record
from kenko.runtime.clock import SystemClock
from kenko.runtime.errors import TransientError
from kenko.runtime.settings import Settings
from schemas.topics import Topic

AT_ONCE: Final = 5_000
"""Records of one `getmany`, as the scorer's consumer asks for them."""
WAIT_MS: Final = 30_000


class Read(NamedTuple):
    """What reading took."""

    seconds: float
    cpu_seconds: float


async def read_all(settings: Settings, ends: Mapping[int, int], report: Callable[[float], None]) -> Read:
    """Read and validate the whole usage-events log, which ends at `ends`; `report` is told the share that is read.

    `decode_record` is the scorer's own validation: what it takes to know that a record is an event, and which.

    Raises:
        TransientError: the broker gives no more, and it is not the end.
    """
    clock = SystemClock()
    topic = settings.topic(Topic.USAGE_EVENTS)
    partitions = [TopicPartition(topic, partition) for partition in ends]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_servers,
        enable_auto_commit=False,
        fetch_max_wait_ms=settings.kafka_fetch_wait_ms,
    )
    await consumer.start()
    try:
        consumer.assign(partitions)
        for partition in partitions:
            consumer.seek(partition, 0)
        left = total = sum(ends.values())
        started, cpu_started = clock.monotonic(), process_time()
        while left > 0:
            fetched = await consumer.getmany(timeout_ms=WAIT_MS, max_records=AT_ONCE)
            if not fetched:
                raise TransientError(f"the broker gives no more of {topic}, and {left:,} records are left")
            for records in fetched.values():
                for record in records:
                    decode_record(record.key, record.value, record.headers, record.timestamp)
                left -= len(records)
            report(1 - left / total)
        return Read(clock.monotonic() - started, process_time() - cpu_started)
    finally:
        await consumer.stop()
