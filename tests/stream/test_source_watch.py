"""The look over all partitions: who is told what, and that nothing is said twice or by two."""

import asyncio

import pytest
from structlog.testing import capture_logs

from kenko.dialects.cloudevents import decode_record
from kenko.engine.source_rhythm import USUAL, Heard
from kenko.runtime.clock import ManualClock
from kenko.runtime.errors import TransientError
from kenko.store.port import Fence
from kenko.stream.observer import NullObserver
from kenko.stream.producer import MemoryOutput
from kenko.stream.source_watch import SourceWatch, WatchPlan
from schemas.base import to_ms

HOUR = 3_600_000
NOW = 1_700_438_400_000
ALWAYS = (1 << USUAL.kept) - 1


class Owning:
    """Stands for a PartitionReader: the partitions this process owns."""

    def __init__(self, *partitions):
        self.partitions = partitions

    def owned(self):
        return ((partition, None) for partition in self.partitions)


class Seen(NullObserver):
    def __init__(self):
        self.sources = []

    def silent(self, sources):
        self.sources.append(sorted(sources))


class World:
    """Two partitions that apply what is written to them, and one that looks."""

    def __init__(self):
        self.clock = ManualClock(NOW)
        self.output = MemoryOutput()
        self.observer = Seen()
        self.reader = Owning(0, 1)
        self.behind_ms = 0
        self.away = False
        self.heard = [{"crm": Heard(NOW - 1, ALWAYS), "api": Heard(NOW - 1, ALWAYS)}, {"api": Heard(NOW - 1, ALWAYS)}]
        self.silent = [{}, {}]
        self.applied = 0
        self.watch = self.started()

    def started(self, **plan):
        return SourceWatch(
            reader=self.reader,
            fences=self.fences,
            output=self.output,
            topic="events",
            clock=self.clock,
            observer=self.observer,
            plan=WatchPlan(**plan),
        )

    async def fences(self):
        if self.away:
            raise TransientError("Redis is away")
        log_ms = self.clock.now_ms() - self.behind_ms
        return {p: Fence(1, "log", log_ms, {}, self.silent[p], self.heard[p]) for p in (0, 1)}

    def hear(self, source, partition=0):
        heard = self.heard[partition]
        heard[source] = USUAL.hear(heard.get(source), self.clock.now_ms())

    def written(self):
        """(partition, source, silent since) of what was written since this was last asked; the partitions apply it."""
        news = []
        for record in self.output.sent[self.applied :]:
            assert (record.topic, record.key) == ("events", None)
            state = decode_record(record.key, record.value, record.headers, self.clock.now_ms())
            since = None if state.silent_since is None else to_ms(state.silent_since)
            news.append((record.partition, state.source, since))
            told = self.silent[record.partition]
            if since is None:
                told.pop(state.source or "", None)
            else:
                told[state.source or ""] = since
        self.applied = len(self.output.sent)
        return sorted(news, key=str)


@pytest.fixture
def world():
    return World()


async def test_a_silence_and_its_end_are_told_to_every_partition_once(world):
    world.clock.advance(3 * HOUR)
    world.hear("api", 1)
    with capture_logs() as said:
        await world.watch.look()
        assert world.written() == [(0, "crm", NOW - 1), (1, "crm", NOW - 1)]
        await world.watch.look()
        assert world.written() == []

    assert said == [
        {"event": "scorer.source_silent", "source": "crm", "since": "2023-11-19T23:59:59.999000+00:00", "log_level": "warning"}
    ]  # fmt: skip
    assert world.observer.sources == [["crm"], ["crm"]]

    world.hear("crm")
    with capture_logs() as said:
        await world.watch.look()
        assert world.written() == [(0, "crm", None), (1, "crm", None)]
        await world.watch.look()
        assert world.written() == []
    assert [line["event"] for line in said] == ["scorer.source_back"]
    assert world.observer.sources[2:] == [[], []]


async def test_when_all_are_silent_that_is_said_as_well(world):
    world.clock.advance(3 * HOUR)
    await world.watch.look()
    since = NOW - 1
    assert world.written() == [
        *((0, source, since) for source in ("api", "crm", None)),
        *((1, source, since) for source in ("api", "crm", None)),
    ]
    assert world.observer.sources == [["", "api", "crm"]]

    world.hear("api")
    await world.watch.look()
    assert world.written() == [(0, "api", None), (0, None, None), (1, "api", None), (1, None, None)]
    assert world.silent == [{"crm": since}, {"crm": since}]


async def test_a_partition_that_was_not_told_is_told_at_the_next_look_of_anyone(world):
    world.clock.advance(3 * HOUR)
    world.hear("api")
    world.silent[0] = {"crm": NOW - 1}  # whoever looked before crashed between two partitions

    await world.started().look()

    assert world.written() == [(1, "crm", NOW - 1)]


async def test_while_a_partition_is_behind_nothing_is_said(world):
    world.clock.advance(3 * HOUR)
    world.behind_ms = 301_000
    await world.watch.look()
    assert world.written() == []
    assert world.observer.sources == []


async def test_who_does_not_own_the_first_partition_does_not_look(world):
    world.clock.advance(3 * HOUR)
    await world.watch.look()
    assert world.written()
    world.silent = [{}, {}]

    world.reader.partitions = (1,)
    await world.watch.look()

    assert world.written() == []
    assert world.observer.sources[-1] == [], "the metric is the next owner's"


async def test_a_look_that_fails_is_left_out(world):
    world.clock.advance(3 * HOUR)
    world.away = True
    watch = world.started(every_s=0, again_s=0)
    task = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(10):
            with capture_logs() as said:
                while not said:
                    await asyncio.sleep(0)
            assert said[0]["event"] == "scorer.source_look_failed"
            world.away = False
            while not world.output.sent:
                await asyncio.sleep(0)
    finally:
        task.cancel()
