"""A source falls silent and is back: a whole scorer on a real broker and a real Redis, with hours of a twentieth second."""

import asyncio
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from kenko.dialects.cloudevents import decode_record, encode_event
from kenko.engine.source_rhythm import SourceRhythm
from kenko.runtime.clock import SystemClock
from kenko.runtime.lifecycle import Stop
from kenko.stream.producer import OutRecord
from kenko.stream.source_watch import WatchPlan
from schemas.base import from_ms
from schemas.topics import Topic
from schemas.usage_event import UsageEvent
from services.scorer.app import ScorerService
from services.scorer.settings import ScorerSettings

QUICK = SourceRhythm(hour_ms=50, kept=2000, factor=2, known_after=10, week_after=10, retired_after=1_000_000)
WATCH = WatchPlan(rhythm=QUICK, every_s=0.1, again_s=0.1)


@asynccontextmanager
async def scoring(world):
    """A scorer in this process; its registry."""
    given = {name.removeprefix("KENKO_").lower(): value for name, value in world.backend.environ().items()}
    settings = ScorerSettings(**given, partitions=4, tick_interval_ms=50, ops_port=0)
    registry, stop = CollectorRegistry(), Stop()
    service = ScorerService(settings, world.model(), registry=registry, watching=WATCH)
    running = asyncio.create_task(service.run(stop))
    try:
        yield registry
    finally:
        stop.request("the test is over")
        await running


async def send(world, number, *sources):
    """An event of each source, for an account on each of many partitions."""
    topic = world.settings.topic(Topic.USAGE_EVENTS)
    now = from_ms(SystemClock().now_ms())
    for source in sources:
        event = UsageEvent(id=f"{source}-{number}", source=source, account_id=f"a{number % 9}", event="Seen", time=now)
        record = encode_event(event)
        await world.output.send([OutRecord(topic, record.key, record.value, record.headers)])


async def told(world):
    """What the fence of each partition holds as silent."""
    fences = [await world.store(partition).fence() for partition in range(4)]
    return [set() if fence is None else set(fence.silent) for fence in fences]


async def until_told(world, expected, *sources, start):
    """Send events of `sources` until every partition holds `expected` as silent."""
    async with asyncio.timeout(60):
        number = start
        while await told(world) != [expected] * 4:
            await send(world, number, *sources)
            number += 1
    return number


def silent_series(registry):
    return {s.labels["source"] for m in registry.collect() for s in m.samples if s.name == "kenko_scorer_source_silent"}


async def test_a_source_falls_silent_is_told_everywhere_outlives_a_restart_and_is_back(world):
    async with scoring(world) as registry:
        number = 0
        async with asyncio.timeout(60):
            while not await known(world, "crm") or not await known(world, "api"):
                await send(world, number, "crm", "api")
                number += 1
        number = await until_told(world, {"crm"}, "api", start=number)
        async with asyncio.timeout(10):
            while silent_series(registry) != {"crm"}:
                await send(world, number, "api")
                number += 1

    async with scoring(world) as registry:
        async with asyncio.timeout(60):
            while silent_series(registry) != {"crm"}:
                await send(world, number, "api")
                number += 1
        number = await until_told(world, {"crm"}, "api", start=number)
        number = await until_told(world, set(), "api", "crm", start=number)
        async with asyncio.timeout(10):
            while silent_series(registry):
                await send(world, number, "api", "crm")
                number += 1

    await world.agrees()
    records = [r for its in (await world.records(Topic.USAGE_EVENTS)).values() for r in its]
    states = [decode_record(r.key, r.value, r.headers, r.timestamp) for r in records if b"silent_since" in r.value]
    of_crm = [state for state in states if state.source == "crm"]
    assert {state.silent_since is None for state in of_crm} == {True, False}


async def known(world, source):
    """Whether the partitions have heard of it for long enough, all together."""
    fences = [await world.store(partition).fence() for partition in range(4)]
    heard = QUICK.together(f.heard[source] for f in fences if f is not None and source in f.heard)
    return heard is not None and QUICK.patience_ms(heard) is not None
