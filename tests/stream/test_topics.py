"""Topics and the producer, on a real broker."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    InvalidReplicationFactorError,
    NoError,
    RequestTimedOutError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)

from kenko.runtime.errors import ConfigurationError, PermanentError, TransientError
from kenko.runtime.settings import Settings, read_settings
from kenko.stream.producer import KafkaOutput, OutRecord
from kenko.stream.topics import _create_missing, ensure_topics, log_id
from schemas.topics import TOPICS, Topic


async def test_topics_are_made_once_and_their_partitions_are_checked(backend):
    prefix = backend.fresh().environ()["KENKO_TOPIC_PREFIX"]

    made = await asyncio.gather(*(ensure_topics(backend.kafka_url, partitions=3, prefix=prefix) for _ in range(3)))

    assert made[0] == made[1] == made[2]
    assert made[0].partitions == {spec.name: 3 for spec in TOPICS}
    assert log_id(made[0], "t", 3) != log_id(made[0]._replace(id="another"), "t", 3)
    with pytest.raises(ConfigurationError, match="KENKO_PARTITIONS=5") as wrong:
        await ensure_topics(backend.kafka_url, partitions=5, prefix=prefix)
    assert f"{prefix}{Topic.USAGE_EVENTS.value} has 3" in str(wrong.value)


async def test_no_broker_is_transient():
    with pytest.raises(TransientError):
        await ensure_topics("kafka://127.0.0.1:1", partitions=3)


class Admin:
    """Of aiokafka's shape: answers every creation alike."""

    def __init__(self, error, message):
        self.answer = (error.errno, message)

    async def create_topics(self, wanted):
        return SimpleNamespace(topic_errors=[(topic.name, *self.answer) for topic in wanted])


@pytest.mark.parametrize(
    ("error", "message", "raised"),
    [
        (NoError, "", None),
        (TopicAlreadyExistsError, "", None),
        (RequestTimedOutError, "", TransientError),
        # all brokers were just started
        (InvalidReplicationFactorError, "All brokers are currently fenced.", TransientError),
        # more replicas than there are brokers
        (InvalidReplicationFactorError, "only 1 broker(s) are registered.", PermanentError),
        (TopicAuthorizationFailedError, "", PermanentError),
    ],
)
async def test_a_topic_that_cannot_be_made_now_is_told_from_one_that_never_can(error, message, raised):
    making = _create_missing(Admin(error, message), partitions=3, replication=1, prefix="")
    if raised is None:
        await making
        return
    with pytest.raises(raised, match="does not create topic kenko"):
        await making


async def test_output_returns_when_all_is_written_in_order(backend):
    environ = backend.fresh().environ()
    given = {name.removeprefix("KENKO_").lower(): value for name, value in environ.items()}
    settings = read_settings(Settings, **given)
    await ensure_topics(settings.kafka_url, partitions=2, prefix=settings.topic_prefix)
    topic = settings.topic(Topic.TRANSITIONS)
    output = KafkaOutput(settings, client_id="test")
    sent = [OutRecord(topic, b"k", b"%d" % n, (("h", b"x"),), partition=1) for n in range(50)]

    assert await output.send([]) == []
    assert await output.send(sent) == list(range(50))
    with pytest.raises(PermanentError, match="MessageSizeTooLarge"):
        await output.send([OutRecord(topic, None, b"x" * 2_000_000)])
    assert await output.send(sent[:1]) == [50]  # a refused record spoils nothing after it
    await output.stop()
    await output.stop()

    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=settings.kafka_servers, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    got = [await asyncio.wait_for(consumer.getone(), 10) for _ in range(51)]
    await consumer.stop()
    assert [(r.partition, r.value, r.headers) for r in got[:50]] == [(1, b"%d" % n, (("h", b"x"),)) for n in range(50)]
