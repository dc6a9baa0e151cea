"""An emptied store, made anew from snapshots and log: what it holds is what it held, and nobody is told twice."""

import asyncio

import pytest

from kenko.engine.restoring import row_offset
from kenko.store.rebuild_memory import MemoryRebuildStore
from kenko.stream.state_records import StateTopic, content_of, read_part, row_in
from schemas.transition import Transition
from tests.stream.snapshots.story import (
    ACCOUNTS,
    BUDGET,
    applied_to,
    held,
    live,
    marked,
    to_the_end,
    told,
)

MOMENTS = [*range(1, 100, 7)]


@pytest.mark.parametrize("retention", [False, True], ids=["whole-log", "cut-log"])
@pytest.mark.parametrize("lost_at", MOMENTS)
async def test_rebuilt_from_snapshots_it_is_as_if_it_had_never_been_lost(bench, never_lost, lost_at, retention):
    runner = await applied_to(bench, lost_at, snapshots=bench.snapshots())
    marker = max(marked(bench), default=0)
    sent_before = told(bench)
    bench.log.committed = max(0, lost_at - 3)  # it follows
    if retention:
        bench.log.forget_below(marker)
    bench.core.clear()

    await live(bench, runner, bench.to_come[-1].offset + 1)
    await runner.stop(5)

    assert held(bench) == held(never_lost)
    assert told(bench) == told(never_lost)
    assert sent_before.keys() <= told(bench).keys()
    assert [kind for kind, _ in bench.observer.rebuilds] == (["snapshots"] if marker else ["log"] * (lost_at > 3))


@pytest.mark.parametrize("lost_at", MOMENTS[1:])
async def test_rebuilt_from_the_log_alone_it_tells_only_what_was_not_told(bench, never_lost, lost_at):
    runner = await applied_to(bench, lost_at)
    sent_before = len(bench.output.sent)
    bench.log.committed = lost_at - 3
    bench.core.clear()

    await live(bench, runner, bench.to_come[-1].offset + 1)
    await runner.stop(5)

    assert held(bench) == held(never_lost)
    assert told(bench) == told(never_lost)
    again = [
        r
        for r in bench.output.sent[sent_before:]
        if r.topic == "transitions" and r.key and r.headers[0][0] != "ce_type"
    ]
    assert all(Transition.model_validate_json(r.value).offset >= bench.log.committed for r in again)
    assert bench.observer.rebuilds == [("log", 0)]


async def test_a_set_was_whole_and_every_row_in_it_is_of_its_fence(bench):
    """The store goes on while the set is written, so most rows in it are no longer in the store."""
    await applied_to(bench, 100, snapshots=bench.snapshots())

    assert len(marked(bench)) >= 3
    assert set(bench.observer.sets) == {"whole"}
    topic = StateTopic("account-state", "small-12345678", 0)
    rows = [r for r in bench.output.sent if r.topic == "account-state" and topic.row_of(r.key)]
    for part in (read_part(record.value) for record in rows):
        assert row_offset(row_in(content_of([part.share])).state) < part.fence
    now = bench.core.rows(ACCOUNTS)
    assert not {row.state for row in now.values() if row} <= {
        row_in(content_of([read_part(r.value).share])).state for r in rows
    }


class DyingStore(MemoryRebuildStore):
    """At its nth call that writes, the process dies."""

    def __init__(self, partition, nth):
        super().__init__(partition)
        self.left = nth

    async def restore(self, rows):
        self._count()
        return await super().restore(rows)

    async def note_forgotten(self, digests):
        self._count()
        await super().note_forgotten(digests)
        self._count()

    def _count(self):
        self.left -= 1
        if self.left == 0:
            raise asyncio.CancelledError


@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_a_crash_in_a_rebuild_counts_for_nothing(bench, never_lost, nth):
    await (await applied_to(bench, 70, snapshots=bench.snapshots())).stop(5)
    bench.log.committed = 69
    bench.log.forget_below(max(marked(bench)))
    bench.core.clear()
    dying = bench.runner(due_budget=BUDGET, snapshots=bench.snapshots(accounts=DyingStore(bench.core, nth)))
    await bench.until(dying, dying._task.done)
    assert bench.core.fence() is None

    await to_the_end(bench, snapshots=bench.snapshots())

    assert held(bench) == held(never_lost)
    assert told(bench) == told(never_lost)


async def test_a_crash_behind_the_rebuilt_fence_goes_on_as_silently(bench, never_lost):
    """The committed offset stays where it was told to, though the fence stands before it."""
    await (await applied_to(bench, 70)).stop(5)
    bench.log.committed = 70
    bench.core.clear()
    sent = len(bench.output.sent)
    rebuilding = bench.runner(commit_every=1, due_budget=BUDGET)
    await bench.until(rebuilding, lambda: (rebuilding.fence_offset or 0) > 40)
    await rebuilding.stop(5)
    assert bench.core.fence().offset < 70
    assert rebuilding.told_below == 70
    assert bench.output.sent[sent:] == []

    await to_the_end(bench)

    assert held(bench) == held(never_lost)
    assert len(bench.transitions()) == len(told(never_lost))
    assert bench.observer.rebuilds == [("log", 0), ("older", 0)]


async def test_an_offset_committed_for_another_log_silences_nothing(bench, never_lost):
    bench.log.committed = 10_000

    await to_the_end(bench)

    assert told(bench) == told(never_lost)
    assert bench.observer.rebuilds == []


async def test_an_emptied_store_is_noticed_though_nothing_comes(bench, never_lost):
    runner = await applied_to(bench, bench.to_come[-1].offset + 1, snapshots=bench.snapshots(), idle_commit_s=0.01)
    assert marked(bench)
    bench.log.committed = bench.log.end
    bench.core.clear()

    await bench.until(runner, lambda: bench.core.fence() is not None and bench.core.fence().offset == bench.log.end)

    assert held(bench) == held(never_lost)
    assert len(bench.transitions()) == len(told(never_lost))
    (rebuilt,) = bench.observer.rebuilds
    assert rebuilt == ("snapshots", len(ACCOUNTS))
