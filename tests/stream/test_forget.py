"""A forget in the log, against in-memory twins: what the runner writes, and what it takes in no more."""

from __future__ import annotations

import asyncio

import pytest

from kenko.engine.identity import account_digest
from kenko.engine.partitioning import murmur2_partition
from kenko.runtime.errors import TransientError
from kenko.store.memory_partition import Interruption
from kenko.stream.producer import MemoryOutput

RECORDS = ("applied", "duplicate", "too_late", "already", "forgotten", "ticks", "ticks_ignored")


def conserved(bench):
    counts = bench.core.fence().counts
    dead = sum(count for name, count in counts.items() if name.startswith("dead_lettered."))
    return sum(counts.get(name, 0) for name in RECORDS) + dead == bench.log.end


@pytest.fixture
def forgotten(bench, story):
    """A log in which acme goes red, is forgotten, and is heard of again."""
    bench.story()
    at_ms = story.start + 12 * story.day
    bench.forget(at_ms=at_ms)
    bench.event(at_ms=at_ms)
    bench.traits(at_ms=at_ms, seats=40.0)
    bench.override(at_ms=at_ms, score=10)
    bench.tick(at_ms + story.hour)
    bench.event("globex", at_ms=at_ms + story.hour)
    bench.tick(at_ms + 2 * story.hour)
    return bench


async def test_nothing_of_it_stays_and_what_comes_later_is_counted(forgotten, story):
    await forgotten.run_to_end()

    sent, _ = story.agrees(forgotten)
    assert "acme" in {t.account_id for t in sent}
    assert set(forgotten.core.scores) == {"globex", "initech"}
    assert forgotten.core.rows(["acme"]) == {"acme": None}
    assert forgotten.core.forgotten() == {account_digest("acme")}
    assert forgotten.core.fence().counts["forgotten"] == 3
    assert conserved(forgotten)
    assert forgotten.observer.counts == forgotten.core.fence().counts


async def test_both_topics_hear_of_it_behind_all_that_was_told_of_it(forgotten):
    await forgotten.run_to_end()

    for topic in ("scores", "transitions"):
        *before, last = [r for r in forgotten.output.sent if r.topic == topic and r.key == b"acme"]
        assert before
        assert last.partition == 0
        assert (last.value is None) == (topic == "scores")
        assert all(r.value is not None for r in before)
    assert forgotten.forgets() == ["acme"]


async def test_a_replay_into_an_empty_store_ends_in_the_same(forgotten):
    await forgotten.run_to_end()
    first = forgotten.state()
    told = {t.id: t for t in forgotten.transitions()}

    forgotten.core.clear()
    await forgotten.run_to_end(commit_every=1)

    assert forgotten.state() == first
    assert forgotten.core.forgotten() == {account_digest("acme")}
    assert {t.id: t for t in forgotten.transitions()} == told
    assert forgotten.forgets() == ["acme", "acme"]


@pytest.mark.parametrize("at", [at for at in Interruption if at is not Interruption.AFTER])
async def test_a_commit_that_stops_forgets_it_the_next_time(bench, story, at):
    bench.story(days=6)
    await bench.run_to_end()
    at_ms = story.start + 6 * story.day
    bench.event(at_ms=at_ms)
    bench.forget(at_ms=at_ms)
    bench.event(at_ms=at_ms)
    bench.tick(at_ms + story.hour)
    bench.core.interrupt_next_commit(at)

    await bench.run_to_end()

    assert set(bench.core.scores) == {"globex", "initech"}
    assert bench.core.rows(["acme"]) == {"acme": None}
    assert conserved(bench)
    assert not bench.failures


async def test_a_crash_before_the_commit_tells_again(forgotten):
    class DeadAfterSending(MemoryOutput):
        async def send_in_order(self, records):
            await super().send_in_order(records)
            if forgotten.forgets() or any(r.value is None for r in records):
                raise asyncio.CancelledError

    runner = forgotten.runner(output=DeadAfterSending())
    await forgotten.until(runner, runner._task.done)
    assert forgotten.core.forgotten() == frozenset()

    await forgotten.run_to_end()
    assert forgotten.forgets() == ["acme"]
    assert set(forgotten.core.scores) == {"globex", "initech"}


async def test_what_is_broken_and_of_a_forgotten_account_is_no_dead_letter(forgotten, story):
    at_ms = story.start + 13 * story.day
    forgotten.poison(key=b"acme", at_ms=at_ms)
    forgotten.poison(key=b"globex", at_ms=at_ms)
    forgotten.poison(key=b"\xff", at_ms=at_ms)
    forgotten.tick(at_ms)

    await forgotten.run_to_end()

    letters = [r.key for r in forgotten.output.sent if r.topic == "dead-letters"]
    assert letters == [b"globex", b"\xff"]
    assert forgotten.core.fence().counts["forgotten"] == 4
    assert conserved(forgotten)


async def test_an_account_nobody_knew_can_be_forgotten_in_advance(bench, story):
    bench.forget("never-seen", at_ms=story.start)
    bench.event("never-seen", at_ms=story.start)
    bench.tick(story.start)

    await bench.run_to_end()

    assert bench.core.fence().counts == {"applied": 1, "forgotten": 1, "ticks": 1, "evaluated": 0, "transitions": 0}
    assert bench.core.scores == {}


async def test_a_store_that_is_away_at_the_start_is_waited_for(forgotten):
    from kenko.store.memory_partition import MemoryPartitionStore

    class AwayOnce(MemoryPartitionStore):
        asked = 0

        async def forgotten(self):
            self.asked += 1
            if self.asked == 1:
                raise TransientError("away")
            return await super().forgotten()

    store = AwayOnce(forgotten.core)
    runner = forgotten.runner(store=store)
    await forgotten.settle(runner)
    await runner.stop(5)
    assert store.asked == 2
    assert not forgotten.failures


async def test_on_the_wrong_partition_it_is_forwarded_and_forgets_nobody_there(bench, story):
    stray = next(name for name in map(str, range(100)) if murmur2_partition(name.encode(), 2) == 1)
    bench.forget(stray, at_ms=story.start)
    bench.tick(story.start)

    await bench.run_to_end(partitions=2)

    (copy,) = [r for r in bench.output.sent if r.topic == bench.log.topic]
    assert (copy.key, copy.partition) == (stray.encode(), 1)
    assert bench.core.fence().counts["forwarded"] == 1
    assert bench.core.forgotten() == frozenset()
    assert bench.forgets() == []
