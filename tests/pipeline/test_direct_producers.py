"""Producers that write straight into Kafka with librdkafka: on the wrong partitions, and with every compression."""

import asyncio
from collections import Counter

import pytest
from confluent_kafka import Producer

from kenko.backtest.check import compare_scores
from kenko.backtest.fold import OfflineFold
from kenko.backtest.live import LiveState
from kenko.backtest.ticks import TickWriter
from kenko.dialects.cloudevents import encode_event
from kenko.engine.partitioning import murmur2_partition
from schemas.base import to_ms
from schemas.topics import Topic

pytestmark = pytest.mark.timeout(420)

DAY = 86_400_000
OUTCOMES = ("applied", "duplicate", "too_late")
CODECS = ("gzip", "snappy", "lz4", "zstd")


def produce(stack, events, **options):
    """Write the events with a producer of its own -> by event id the partition it went to."""
    settings, placed = stack.settings(), {}
    producer = Producer({"bootstrap.servers": ",".join(settings.kafka_servers), "acks": "all", **options})
    topic = settings.topic(Topic.USAGE_EVENTS)

    def delivered(event):
        def note(error, message):
            assert error is None, error
            placed[event.id] = message.partition()

        return note

    for event in events:
        record = encode_event(event)
        producer.produce(
            topic, key=record.key, value=record.value, headers=record.headers, on_delivery=delivered(event)
        )
    assert producer.flush(60) == 0
    assert len(placed) == len(events)
    return placed


def misrouted(settings, events, placed):
    return [e for e in events if placed[e.id] != murmur2_partition(e.account_id.encode(), settings.partitions)]


async def counts(live):
    """Records by outcome, over all partitions."""
    fences = (await live.fences()).values()
    return sum((Counter(dict(fence.counts)) for fence in fences if fence is not None), Counter())


async def until(live, reached, what):
    """Waits until the counts of the fences say so."""
    try:
        async with asyncio.timeout(120):
            while not reached(found := await counts(live)):
                await asyncio.sleep(0.05)
            return found
    except TimeoutError:
        pytest.fail(f"not {what}: {await counts(live)}")


async def scored(stack, model, live, events):
    """Time passes; every score is that of the offline fold. -> the counts at the end."""
    last_ms = max(to_ms(event.time) for event in events)
    times = [last_ms + days * DAY for days in (1, 3, 10, 40)]
    fold = OfflineFold(model, partitions=stack.settings().partitions)
    for event in events:
        fold.apply(event)
    async with TickWriter(stack.settings()) as ticks:
        for time_ms in times:
            fold.tick(time_ms)
            await ticks.write(time_ms)
    total = len(times) * stack.settings().partitions
    found = await until(live, lambda c: c["ticks"] == total, "all ticks applied")
    scores = list(fold.scores())
    assert len(scores) == 200
    assert compare_scores(scores, await live.scores()) == []
    assert {name: found[name] for name in OUTCOMES} == {name: fold.counts[name] for name in OUTCOMES}
    return found


def all_home(events):
    return lambda c: sum(c[name] for name in OUTCOMES) == len(events)


async def test_the_default_partitioner_of_librdkafka_costs_a_detour_and_no_score(stack, direct_events, crm):
    placed = await asyncio.to_thread(produce, stack, direct_events)
    strays = misrouted(stack.settings(), direct_events, placed)
    assert len(strays) > len(direct_events) / 2

    async with LiveState(stack.settings(), crm) as live:
        await until(live, all_home(direct_events), "all events applied")
        found = await scored(stack, crm, live, direct_events)

    assert found["forwarded"] == len(strays)
    assert found["forwarded_duplicate"] == 0
    assert sum(count for name, count in found.items() if name.startswith("dead_lettered.")) == 0
    log = stack.service("scorer").log.read_text()
    assert log.count("scorer.misrouted") == stack.settings().partitions
    assert "partitioner=murmur2_random" in log
    assert not any(event.account_id in log for event in direct_events)


async def test_kill_9_while_records_are_forwarded_loses_none_and_doubles_none(stack, direct_events, crm):
    scorer, half = stack.service("scorer"), len(direct_events) // 2
    placed = await asyncio.to_thread(produce, stack, direct_events[:half])
    async with LiveState(stack.settings(), crm) as live:
        for part in (direct_events[half:], []):
            # A partition has copied its strays and says so; the others are at it, and none of the copies is applied yet.
            before = await counts(live)
            await until(live, lambda c, b=before["forwarded"]: c["forwarded"] > b, "forwarded")
            scorer.kill()
            killed = await counts(live)
            assert sum(killed[name] for name in OUTCOMES) < len(placed)
            placed |= await asyncio.to_thread(produce, stack, part)
            scorer.start()
        await until(live, all_home(direct_events), "all events applied")
        found = await scored(stack, crm, live, direct_events)
    assert found["forwarded"] == len(misrouted(stack.settings(), direct_events, placed))


async def test_every_compression_is_read_and_murmur2_needs_no_detour(stack, direct_events, crm):
    for number, codec in enumerate(CODECS):
        part = direct_events[number :: len(CODECS)]
        options = {"compression.type": codec, "partitioner": "murmur2_random", "linger.ms": 50}
        placed = await asyncio.to_thread(produce, stack, part, **options)
        assert misrouted(stack.settings(), part, placed) == []

    async with LiveState(stack.settings(), crm) as live:
        await until(live, all_home(direct_events), "all events applied")
        found = await scored(stack, crm, live, direct_events)

    assert found["applied"] == len(direct_events)
    assert found["forwarded"] == 0
