"""Reading a topic from outside."""

import pytest

from kenko.runtime.errors import ConfigurationError, TransientError
from kenko.runtime.settings import Settings
from kenko.stream.browser import Bounds, TopicBrowser
from kenko.stream.producer import KafkaOutput, OutRecord
from kenko.stream.topics import ensure_topics
from schemas.topics import Topic

pytestmark = pytest.mark.connected

PARTITIONS = 3


@pytest.fixture
async def written(backend):
    """Settings, and a topic with two records on partition 0, three on partition 1 and none on 2."""
    fresh = backend.fresh().environ()
    names = {"KENKO_KAFKA_URL": "kafka_url", "KENKO_TOPIC_PREFIX": "topic_prefix"}
    settings = Settings(
        **{names[k]: v for k, v in fresh.items() if k in names},
        kafka_idempotence=fresh.get("KENKO_KAFKA_IDEMPOTENCE", "true") == "true",
        kafka_fetch_wait_ms=50,
        partitions=PARTITIONS,
    )
    await ensure_topics(settings.kafka_url, partitions=PARTITIONS, prefix=settings.topic_prefix)
    topic = settings.topic(Topic.COMMANDS)
    output = KafkaOutput(settings, client_id="test")
    await output.send([OutRecord(topic, None, f"{p}-{n}".encode(), (), p) for p in (0, 1) for n in range(2 + p)])
    await output.stop()
    return settings, topic


async def test_ranges_are_read_to_their_end_and_no_further(written):
    settings, topic = written
    async with TopicBrowser(settings, topic) as browser:
        bounds = await browser.bounds()
        assert bounds == {0: Bounds(0, 2), 1: Bounds(0, 3), 2: Bounds(0, 0)}
        everything = [record.value async for record in browser.read(bounds)]
        assert sorted(everything) == [b"0-0", b"0-1", b"1-0", b"1-1", b"1-2"]
        assert [record.value async for record in browser.read({1: Bounds(1, 2)})] == [b"1-1"]
        assert [record.value async for record in browser.read({2: Bounds(0, 0)})] == []
        # Once more after others were held back
        assert len([record async for record in browser.read(bounds)]) == 5
        assert await browser.bounds() == bounds


async def test_a_time_is_an_offset_in_each_partition(written):
    settings, topic = written
    async with TopicBrowser(settings, topic) as browser:
        records = [record async for record in browser.read(await browser.bounds())]
        last = {p: max(r.timestamp for r in records if r.partition == p) for p in (0, 1)}
        assert await browser.offsets_at(0) == {0: 0, 1: 0, 2: 0}
        assert await browser.offsets_at(max(last.values()) + 60_000) == {0: 2, 1: 3, 2: 0}


async def test_following_brings_what_is_written_after(written):
    settings, topic = written
    async with TopicBrowser(settings, topic) as browser:
        ends = {p: bounds.end for p, bounds in (await browser.bounds()).items()}
        output = KafkaOutput(settings, client_id="test")
        await output.send([OutRecord(topic, None, b"new", (), 2)])
        await output.stop()
        async for record in browser.follow(ends):
            assert (record.partition, record.value) == (2, b"new")
            break


async def test_a_topic_that_is_not_there_is_an_error_that_names_the_mend_and_is_not_made(written):
    settings, _ = written
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"no topic nowhere.*kenko topics apply"):
            async with TopicBrowser(settings, "nowhere"):
                pytest.fail("it was made")


async def test_no_broker_is_a_transient_error():
    with pytest.raises(TransientError):
        async with TopicBrowser(Settings(kafka_url="kafka://127.0.0.1:1"), "any"):
            pytest.fail("there is none")
