"""A set of snapshots is whole or void, and costs no commit."""

import asyncio

import pytest

from kenko.engine.rows import Row
from kenko.runtime.errors import PermanentError
from kenko.store.memory_partition import MemoryPartitionStore
from kenko.store.port import Fence
from kenko.stream.state_records import MAX_PARTS, StateTopic
from tests.stream.snapshots.story import (
    ACCOUNTS,
    BUDGET,
    applied_to,
    as_it_comes,
    held,
    live,
    marked,
    to_the_end,
    told,
    write_story,
)


async def test_a_set_that_was_begun_before_the_store_was_emptied_gets_no_marker(bench):
    """Half of it was read from a store that no longer is: the rest of an empty one would be nothing at all."""
    walking = bench.snapshots(pause_s=60.0)
    runner = await applied_to(bench, 40, snapshots=walking)
    assert not marked(bench), "the first row is written, the second one after a pause"
    bench.core.clear()

    await live(bench, runner, bench.to_come[-1].offset + 1)
    await runner.stop(5)

    assert not marked(bench)


class GatedOutput:
    """What is sent waits before the gate."""

    def __init__(self, output):
        self.output, self.gate = output, asyncio.Event()

    async def send(self, records):
        await self.gate.wait()
        return await self.output.send(records)


async def test_a_zombies_set_gets_no_marker_and_its_rows_do_no_harm(bench, never_lost):
    gated = GatedOutput(bench.output)
    zombie = await applied_to(bench, 30, snapshots=bench.snapshots(output=gated))
    owner = await applied_to(bench, 70, snapshots=bench.snapshots())
    await owner.stop(5)
    whole = marked(bench)
    sent, refusals = len(bench.output.sent), bench.observer.refusals
    gated.gate.set()
    await bench.until(zombie, lambda: zombie._snapshots._walk.is_through)
    assert {r.topic for r in bench.output.sent[sent:]} == {"account-state"}, "it writes behind the whole set"
    await bench.log.seek(30)
    await bench.until(zombie, lambda: bench.observer.refusals > refusals)
    await zombie.stop(5)
    assert marked(bench) == whole

    bench.core.clear()
    bench.log.committed = 70
    bench.log.forget_below(max(whole))
    await to_the_end(bench, snapshots=bench.snapshots())

    assert held(bench) == held(never_lost)
    assert told(bench) == told(never_lost)


async def test_a_set_with_a_row_lost_is_not_taken(bench, never_lost):
    """A zombie's older row stood over a newer one for so long that compaction took the newer one."""
    await (await applied_to(bench, 70, snapshots=bench.snapshots(every_ms=1 << 40))).stop(5)
    (marker,) = marked(bench)
    topic = StateTopic("account-state", "small-12345678", 0)
    await bench.output.send(topic.rows("acme", Row(b"as it was", []), marker - 1))
    bench.aside.compact()
    bench.core.clear()
    bench.log.committed = 70

    await to_the_end(bench, snapshots=bench.snapshots())

    assert bench.observer.rebuilds == [("log", 0)]
    assert told(bench) == told(never_lost)
    assert held(bench)["rows"].keys() == held(never_lost)["rows"].keys()


async def test_rows_of_a_later_set_that_was_cut_off_are_taken_where_nothing_else_is_left(bench, never_lost):
    """Compaction took what they stand over. They are ahead of the fence, as rows of a commit that was cut off."""
    runner = await applied_to(bench, 40, snapshots=bench.snapshots(every_ms=1 << 40))
    await runner.stop(5)
    await (await applied_to(bench, 70, snapshots=bench.snapshots(pause_s=60.0))).stop(5)
    (marker,) = marked(bench)
    bench.aside.compact()
    bench.core.clear()
    bench.log.committed = 70
    bench.log.forget_below(marker)

    await to_the_end(bench, snapshots=bench.snapshots())

    assert bench.observer.rebuilds[0][0] == "snapshots"
    assert held(bench)["rows"].keys() == held(never_lost)["rows"].keys()
    counts, expected = held(bench)["fence"][2], held(never_lost)["fence"][2]
    outcomes = ("applied", "duplicate", "too_late", "forgotten", "already")
    assert sum(counts.get(o, 0) for o in outcomes) == sum(expected.get(o, 0) for o in outcomes)


@pytest.mark.parametrize("day", [1, 4], ids=["before-the-set", "after-it"])
async def test_a_forgotten_account_has_tombstones_and_does_not_come_back(another_bench, story, day):
    never_lost = another_bench()
    write_story(never_lost, story, forgets_on=day)
    await never_lost.run_to_end(due_budget=BUDGET)
    bench = as_it_comes(another_bench(), story, forgets_on=day)
    runner = await applied_to(bench, 50, snapshots=bench.snapshots(piece=9))
    marker = max(marked(bench))
    runner._snapshots._not_before_ms = 1 << 50  # it stays the newest
    await live(bench, runner, bench.to_come[-1].offset + 1)
    await runner.stop(5)
    tombstones = [r.key for r in bench.output.sent if r.topic == "account-state" and r.value is None]
    assert tombstones == [f"small-12345678/row/{part}/hooli".encode() for part in range(MAX_PARTS)]
    bench.core.clear()
    bench.log.committed = bench.log.end
    bench.log.forget_below(marker)

    await to_the_end(bench, snapshots=bench.snapshots())

    assert "hooli" not in held(bench)["rows"]
    assert held(bench)["forgotten"] == held(never_lost)["forgotten"] != frozenset()
    # From the marker on it is forgotten, though the log asks for it later.
    counts, expected = held(bench)["fence"][2], held(never_lost)["fence"][2]
    outcomes = ("applied", "duplicate", "too_late", "forgotten")
    assert sum(counts.get(o, 0) for o in outcomes) == sum(expected.get(o, 0) for o in outcomes)
    assert (day == 4) or counts == expected


async def test_no_set_is_begun_before_the_runner_has_caught_up(bench):
    """A commit that was cut off may have left rows ahead of the fence: no set would be of one moment."""
    snapshots = bench.snapshots()
    fence = Fence(50, "test-log")
    await snapshots.begin(fence, 60)

    await snapshots.after_commit(fence)
    assert snapshots._walk is None
    await snapshots.after_commit(Fence(60, "test-log"))
    assert snapshots._walk is not None
    snapshots.drop()


class RefusingOutput:
    async def send(self, records):
        if all(record.value is None for record in records):
            return list(range(len(records)))
        raise PermanentError("topic authorization failed", reason="kafka_authorization")


async def test_a_state_topic_that_takes_nothing_costs_the_set_and_no_commit(bench, never_lost):
    await to_the_end(bench, snapshots=bench.snapshots(output=RefusingOutput()))

    assert bench.failures == []
    assert set(bench.observer.sets) == {"refused"}
    assert held(bench) == held(never_lost)


class CountingStore(MemoryPartitionStore):
    """How many rows were read."""

    read = 0

    async def rows(self, account_ids, *, with_ids=True):
        wanted = list(account_ids)
        self.read += len(wanted)
        return await super().rows(wanted, with_ids=with_ids)


async def test_a_row_is_read_once_for_a_set_however_often_it_changes(bench):
    store = CountingStore(bench.core)
    snapshots = bench.snapshots(store=store, every_ms=1 << 40)

    await to_the_end(bench, snapshots=snapshots)

    assert len(marked(bench)) == 1
    assert store.read <= 3 * len(ACCOUNTS), "by the walk, once or twice, and before its first change"
