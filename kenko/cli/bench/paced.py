"""Records to Kafka at a steady rate, whatever becomes of the earlier ones; and when some of them were sent and accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer

from kenko.cli.bench.falling import FALLS
from kenko.dialects.record import KafkaRecord
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings

SLICE_S: Final = 0.01
"""What is due is sent this often."""
_CLOCK: Final = SystemClock()


class Paced(NamedTuple):
    """What sending took. Times are seconds of the monotonic clock."""

    seconds: float
    """From the first record to the last acknowledgement."""
    sent_s: dict[bytes, float]
    """By key, of the falls: when it was handed to the producer."""
    accepted_s: dict[bytes, float]
    """By key, of the falls: when Kafka's acknowledgement came."""


def new_producer(settings: Settings) -> Any:
    """As ingest has it: acks=all, a linger of 3 ms."""
    return AIOKafkaProducer(
        bootstrap_servers=settings.kafka_servers,
        acks="all",
        enable_idempotence=settings.kafka_idempotence,
        max_batch_size=131_072,
        linger_ms=3,
    )


async def send_paced(
    producer: Any,
    topic: str,
    records: Sequence[KafkaRecord],
    per_second: float,
    report: Callable[[float], None] = lambda _: None,
) -> Paced:
    """Send them in order, so many a second. `report` is told the share that is sent.

    Raises:
        KafkaError: a record was not accepted.
    """
    sent_s: dict[bytes, float] = {}
    accepted_s: dict[bytes, float] = {}
    acks: list[asyncio.Future[Any]] = []
    started = _CLOCK.monotonic()
    while len(acks) < len(records):
        due = int((_CLOCK.monotonic() - started) * per_second) + 1
        for record in records[len(acks) : due]:
            now_s = _CLOCK.monotonic()
            ack = await producer.send(topic, record.value, key=record.key, headers=record.headers)
            acks.append(ack)
            key = record.key
            if key is not None and key.startswith(FALLS):
                sent_s[key] = now_s
                ack.add_done_callback(lambda _, key=key: accepted_s.setdefault(key, _CLOCK.monotonic()))
        report(len(acks) / len(records))
        await asyncio.sleep(SLICE_S)
    await asyncio.gather(*acks)
    return Paced(_CLOCK.monotonic() - started, sent_s, accepted_s)


async def send_at_once(producer: Any, topic: str, records: Sequence[KafkaRecord], at_once: int = 5_000) -> None:
    """All of them as fast as they are accepted."""
    for first in range(0, len(records), at_once):
        part = records[first : first + at_once]
        await asyncio.gather(
            *[await producer.send(topic, record.value, key=record.key, headers=record.headers) for record in part]
        )
