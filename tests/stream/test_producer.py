"""Writing in order: where a record stands in the log, those ahead of it stand before it, whatever failed."""

import asyncio
from collections import defaultdict

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from kenko.runtime.errors import TransientError
from kenko.runtime.settings import Settings, read_settings
from kenko.stream.producer import BATCH_BYTES, KafkaOutput, MemoryOutput, OutRecord, _send_lane
from kenko.stream.topics import ensure_topics
from schemas.topics import Topic

PARTITIONS = 3


class Batch:
    """Of aiokafka's shape; has room for two records."""

    def __init__(self):
        self.records = []

    def append(self, **record):
        if len(self.records) == 2:
            return None
        self.records.append(record["value"])
        return record

    def close(self):
        self.records = tuple(self.records)


class Producer:
    """Of aiokafka's shape: batches are under way until they are answered; the nth one fails."""

    def __init__(self, fails=None):
        self.fails = fails
        self.log = []
        self.under_way = self.sent = 0

    def create_batch(self):
        return Batch()

    async def send_batch(self, batch, *_topic, **_partition):
        self.sent += 1
        self.under_way += 1
        assert self.under_way == 1, "an earlier batch is not answered yet"
        return asyncio.create_task(self._answer(batch, self.sent))

    async def _answer(self, batch, number):
        await asyncio.sleep(0)
        self.under_way -= 1
        if number == self.fails:
            raise TransientError("the broker is away")
        self.log += batch.records


RECORDS = [OutRecord("t", b"k", str(n).encode(), partition=0) for n in range(7)]
VALUES = [record.value for record in RECORDS]


async def test_one_batch_is_answered_before_the_next_is_sent():
    producer = Producer()
    await _send_lane(producer, "t", 0, RECORDS)
    assert producer.log == VALUES
    assert producer.sent == 4


@pytest.mark.parametrize("fails", [1, 2, 3, 4])
async def test_nothing_stands_behind_a_batch_that_failed(fails):
    producer = Producer(fails)
    with pytest.raises(TransientError):
        await _send_lane(producer, "t", 0, RECORDS)
    assert producer.log == VALUES[: 2 * (fails - 1)]


async def test_records_written_in_order_keep_order_headers_and_time(backend):
    environ = {name.removeprefix("KENKO_").lower(): value for name, value in backend.fresh().environ().items()}
    settings = read_settings(Settings, **environ, partitions=PARTITIONS)
    await ensure_topics(settings.kafka_url, partitions=PARTITIONS, prefix=settings.topic_prefix)
    topic = settings.topic(Topic.TRANSITIONS)  # it keeps the time that the producer gives
    at_ms = 1_763_630_043_000
    # One is larger than a batch, so that it needs one of its own; all together need several.
    sizes = [100, BATCH_BYTES + 40_000, *[900] * 3 * (BATCH_BYTES // 900) * 2]
    records = [
        OutRecord(topic, b"k", f"{n:04}".encode() * (size // 4), (("n", str(n).encode()),), n % PARTITIONS, at_ms + n)
        for n, size in enumerate(sizes)
    ]
    output = KafkaOutput(settings, client_id="test")
    try:
        await output.send_in_order(records)
        await output.send_in_order([])
        for each in (output, MemoryOutput()):
            with pytest.raises(ValueError, match="name their partition"):
                await each.send_in_order([OutRecord(topic, b"k", b"v")])
    finally:
        await output.stop()

    found = defaultdict(list)
    async with AIOKafkaConsumer(bootstrap_servers=settings.kafka_servers, enable_auto_commit=False) as consumer:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        while sum(map(len, found.values())) < len(records):
            for partition, read in (await consumer.getmany(timeout_ms=1000)).items():
                found[partition.partition] += read
    for number in range(PARTITIONS):
        sent = records[number::PARTITIONS]
        assert [r.value for r in found[number]] == [r.value for r in sent]
        assert [tuple(r.headers) for r in found[number]] == [r.headers for r in sent]
        assert [r.timestamp for r in found[number]] == [r.timestamp_ms for r in sent]
