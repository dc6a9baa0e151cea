"""One suite for both sinks: in memory, and in Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from kenko.dialects.record import KafkaRecord
from kenko.runtime.errors import ConfigurationError
from kenko.runtime.settings import kafka_servers
from schemas.topics import Topic
from services.ingest.kafka_sink import KafkaSink
from services.ingest.settings import IngestSettings
from services.ingest.sink import EventSink, MemorySink, Outgoing

KEY = "a-key-for-the-tests-of-ingest"
Read = Callable[[Topic], Any]


@dataclass
class Case:
    """A sink, and a way to read back what it keeps: (key, value, headers), in order within a key."""

    sink: EventSink
    read: Read


def settings_of(backend, **given: Any) -> IngestSettings:
    """Settings for a backend whose topics nobody used before."""
    environ = {name.removeprefix("KENKO_").lower(): value for name, value in backend.fresh().environ().items()}
    return IngestSettings(**{**environ, "ingest_keys": KEY, "partitions": 4, **given})


async def read_topic(settings: IngestSettings, topic: Topic) -> list[tuple[Any, ...]]:
    """All records of a topic, partition by partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_servers(settings.kafka_url), auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(settings.topic(topic), number) for number in range(settings.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        found: list[tuple[Any, ...]] = []
        while batch := await consumer.getmany(timeout_ms=500):
            found += [(r.key, r.value, list(r.headers), r.partition) for records in batch.values() for r in records]
        return found
    finally:
        await consumer.stop()


@asynccontextmanager
async def kafka_sink(settings: IngestSettings, until, changes: list[bool] | None = None) -> AsyncIterator[KafkaSink]:
    sink = KafkaSink(settings, on_change=(changes if changes is not None else []).append)
    running = asyncio.create_task(sink.run())
    try:
        await until(lambda: sink.standing().ok or running.done())
        yield sink
    finally:
        running.cancel()
        await sink.stop()
        with suppress(asyncio.CancelledError):
            await running


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.connected)])
async def case(request, until) -> AsyncIterator[Case]:
    if request.param == "memory":
        memory = MemorySink()

        async def read_memory(topic: Topic) -> list[tuple[Any, ...]]:
            return [tuple(record) for record in memory.of(topic)]

        yield Case(memory, read_memory)
        return
    settings = settings_of(request.getfixturevalue("backend"))
    async with kafka_sink(settings, until) as sink:

        async def read_kafka(topic: Topic) -> list[tuple[Any, ...]]:
            return [found[:3] for found in await read_topic(settings, topic)]

        yield Case(sink, read_kafka)


def record(key: bytes | None, number: int) -> KafkaRecord:
    return KafkaRecord(key, b"%d" % number, [("ce_id", b"%d" % number)])


async def test_what_was_written_is_there_in_order_within_a_key(case: Case) -> None:
    records = [record(b"account-%d" % (number % 7), number) for number in range(500)]
    await case.sink.write([Outgoing(Topic.USAGE_EVENTS, r) for r in records])
    found = await case.read(Topic.USAGE_EVENTS)
    for key in {r.key for r in records}:
        assert [f for f in found if f[0] == key] == [tuple(r) for r in records if r.key == key]
    assert len(found) == len(records)


async def test_each_topic_gets_its_own(case: Case) -> None:
    await case.sink.write(
        [Outgoing(Topic.USAGE_EVENTS, record(b"a", 1)), Outgoing(Topic.DEAD_LETTERS, record(None, 2))]
    )
    assert await case.read(Topic.USAGE_EVENTS) == [tuple(record(b"a", 1))]
    assert await case.read(Topic.DEAD_LETTERS) == [tuple(record(None, 2))]


async def test_nothing_to_write_is_nothing_wrong(case: Case) -> None:
    await case.sink.write([])
    assert case.sink.standing().ok


@pytest.mark.connected
async def test_an_account_is_on_the_partition_where_every_kafka_client_puts_it(backend, until) -> None:
    settings = settings_of(backend)
    keys = [f"konto-{number} ä".encode() for number in range(50)]
    async with kafka_sink(settings, until) as sink:
        await sink.write([Outgoing(Topic.USAGE_EVENTS, record(key, 0)) for key in keys])
    expected = DefaultPartitioner()
    for key, _, _, number in await read_topic(settings, Topic.USAGE_EVENTS):
        assert number == expected(key, [0, 1, 2, 3], [0, 1, 2, 3])


@pytest.mark.connected
async def test_records_without_a_key_are_spread(backend, until) -> None:
    settings = settings_of(backend)
    async with kafka_sink(settings, until) as sink:
        await sink.write([Outgoing(Topic.DEAD_LETTERS, record(None, number)) for number in range(8)])
    found = await read_topic(settings, Topic.DEAD_LETTERS)
    assert sorted(value for _, value, _, _ in found) == sorted(record(None, number).value for number in range(8))
    assert len({partition for *_, partition in found}) > 1


@pytest.mark.connected
async def test_many_writers_share_batches_and_each_account_keeps_its_order(backend, until) -> None:
    settings = settings_of(backend)
    async with kafka_sink(settings, until) as sink:

        async def one_account(key: bytes) -> None:
            for first in range(0, 40, 4):
                numbers = range(first, first + 4)
                await sink.write([Outgoing(Topic.USAGE_EVENTS, record(key, number)) for number in numbers])

        keys = [f"account-{number}".encode() for number in range(30)]
        await asyncio.gather(*map(one_account, keys))
    found: dict[bytes, list[bytes]] = {key: [] for key in keys}
    for key, value, *_ in await read_topic(settings, Topic.USAGE_EVENTS):
        found[key].append(value)
    assert found == {key: [record(key, number).value for number in range(40)] for key in keys}


@pytest.mark.connected
async def test_topics_that_do_not_fit_the_settings_stop_it(backend, until) -> None:
    settings = settings_of(backend)
    async with kafka_sink(settings, until):
        pass
    other = settings.model_copy(update={"partitions": 5})
    with pytest.raises(ConfigurationError, match="KENKO_PARTITIONS=5"):
        await KafkaSink(other, on_change=lambda _: None).run()
