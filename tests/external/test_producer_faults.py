"""Outputs on Apache Kafka when the broker dies or refuses the producer: nothing is lost, and at most repeated."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from kenko.runtime.errors import TransientError
from kenko.runtime.settings import Settings, read_settings
from kenko.stream.observer import NullObserver
from kenko.stream.patience import Patience, PatientOutput
from kenko.stream.producer import KafkaOutput, OutRecord
from kenko.stream.topics import ensure_topics
from schemas.topics import Topic

pytestmark = [pytest.mark.external, pytest.mark.timeout(240)]

PARTITIONS = 3
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def own_kafka(backend, tmp_path_factory):
    """An Apache Kafka for the tests here, to kill as they like. `backend` skips the test where there is none."""
    assert not backend.embedded
    spec = importlib.util.spec_from_file_location("apache_kafka", ROOT / "scripts" / "external" / "apache_kafka.py")
    apache_kafka = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(apache_kafka)
    server = apache_kafka.kafka_server(tmp_path_factory.mktemp("kafka"), java=shutil.which("java"))
    # It ends with the thread that started it: not with the event loop of one test, and its threads.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(server.start).result()
        yield SimpleNamespace(port=server.port, kill=server.kill, start=lambda: thread.submit(server.start).result())
        thread.submit(server.stop).result()


async def topic_on(settings):
    """A topic that keeps what it is given, empty."""
    patience = Patience(Waits())  # a broker that was just started may hang up once more
    url, prefix = settings.kafka_url, settings.topic_prefix
    await patience.outlast("kafka", lambda: ensure_topics(url, partitions=PARTITIONS, prefix=prefix))
    return settings.topic(Topic.TRANSITIONS)


async def values(settings, topic):
    """What stands in each partition."""
    found = defaultdict(list)
    async with AIOKafkaConsumer(bootstrap_servers=settings.kafka_servers, enable_auto_commit=False) as consumer:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(tp) < ends[tp] for tp in partitions]):
            for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                found[tp.partition] += [int(record.value) for record in records]
    return found


@pytest.mark.parametrize("in_order", [False, True], ids=["send", "send_in_order"])
async def test_kill_9_of_the_broker_in_mid_send(own_kafka, in_order):
    url = f"kafka://127.0.0.1:{own_kafka.port}"
    settings = read_settings(Settings, kafka_url=url, partitions=PARTITIONS, topic_prefix=f"{in_order}.")
    topic = await topic_on(settings)
    output = KafkaOutput(settings, client_id="test")
    patience = Patience(Waits())
    patient = PatientOutput(output, patience)
    send = patient.send_in_order if in_order else patient.send
    sent, under_way, over = 0, asyncio.Event(), asyncio.Event()

    async def sending():
        nonlocal sent
        while not over.is_set() or sent % 1000:
            batch = [OutRecord(topic, None, b"%d" % n, partition=n % PARTITIONS) for n in range(sent, sent + 500)]
            under_way.set()
            await send(batch)
            sent += 500

    async def more(records):
        wanted = sent + records
        while sent < wanted:
            await asyncio.sleep(0.01)

    task = asyncio.create_task(sending())
    try:
        await more(5_000)
        under_way.clear()
        await under_way.wait()  # a list has just been handed over
        await asyncio.to_thread(own_kafka.kill)
        await asyncio.to_thread(own_kafka.start)
        await more(5_000)
    finally:
        over.set()
        await task
        await output.stop()

    found = await values(settings, topic)
    for partition in range(PARTITIONS):
        wanted = [n for n in range(sent) if n % PARTITIONS == partition]
        first = list(dict.fromkeys(found[partition]))
        assert sorted(first) == wanted
        if in_order:  # where one stands, those ahead of it stand before it
            assert first == wanted


class Waits(NullObserver):
    """Waiting for Kafka is all there is."""

    def waiting(self, cause):
        assert cause == "kafka"


def out_of_order(transactions, partition):
    """As after a batch that the broker never got: it misses a number."""
    transactions.increment_sequence_number(partition, 7)


def older_epoch(transactions, partition):
    """As a producer whose place another one took."""
    set_epoch(transactions, transactions.producer_epoch - 1)


def set_epoch(transactions, epoch):
    transactions._pid_and_epoch = transactions._pid_and_epoch._replace(epoch=epoch)


@pytest.mark.parametrize(("spoil", "refusal"), [(out_of_order, "OutOfOrderSequence"), (older_epoch, "Epoch|Fenced")])
async def test_a_producer_that_the_broker_refuses_is_replaced(backend, spoil, refusal):
    assert not backend.embedded
    given = {name.removeprefix("KENKO_").lower(): value for name, value in backend.fresh().environ().items()}
    settings = read_settings(Settings, **given, partitions=PARTITIONS)
    topic = await topic_on(settings)
    output = KafkaOutput(settings, client_id="test")
    records = [OutRecord(topic, None, b"%d" % n, partition=0) for n in range(20)]
    try:
        await output.start()
        transactions = output._producer._txn_manager
        set_epoch(transactions, 1)  # so that there is an older one
        await output.send(records[:10])
        spoil(transactions, TopicPartition(topic, 0))

        with pytest.raises(TransientError, match=refusal):
            await output.send(records[10:])
        # The same list again, as whoever waits it out sends it.
        await output.send(records[10:])
    finally:
        await output.stop()

    assert (await values(settings, topic))[0] == list(range(20))
