"""An account that is merely due is loaded without its ids; they come with its first record."""

import pytest

from kenko.engine import recent_ids
from kenko.engine.scorer import Scorer
from kenko.store.memory_partition import MemoryPartitionStore
from kenko.stream.decode import decode
from kenko.stream.plan import RunnerPlan
from kenko.stream.strays import MisroutedWarning
from kenko.stream.working_set import FenceMovedError, WorkingSet


class CountingStore(MemoryPartitionStore):
    """Notes who is loaded, with ids or without."""

    def __init__(self, partition):
        super().__init__(partition)
        self.loaded = []

    async def rows(self, account_ids, *, with_ids=True):
        self.loaded.append(([*account_ids], with_ids))
        return await super().rows(account_ids, with_ids=with_ids)


@pytest.fixture
def begin(bench):
    """A working set that begins at the fence, as a new owner's does."""
    plan = RunnerPlan(
        partition=0,
        partitions=1,
        topic=bench.log.topic,
        transitions_topic="transitions",
        scores_topic="scores",
        dead_letters_topic="dead-letters",
        log_id="test-log",
    )

    def begin():
        store = CountingStore(bench.core)
        work = WorkingSet(
            plan=plan,
            scorer=Scorer(bench.model),
            store=store,
            output=bench.output,
            observer=bench.observer,
            clock=bench.clock,
            fence=bench.core.fence(),
            forgotten=(),
            start_offset=0,
            misrouted=MisroutedWarning(0, bench.clock),
        )
        return work, store

    return begin


@pytest.fixture
async def due(bench, story, monkeypatch):
    """The store as an event and a tick leave it: the account is due, and its id stands in a chunk. Then the log goes on
    with a tick, and with a repeat of the event.
    """
    monkeypatch.setattr(recent_ids, "TAIL_BYTES", 13)
    bench.event(at_ms=story.start, event_id="once")
    bench.tick(story.start)
    await bench.run_to_end()
    assert len(bench.core.rows(["acme"])["acme"].ids) == 1
    bench.tick(story.start + 20 * story.hour)
    bench.event(at_ms=story.start, event_id="once")
    bench.tick(story.start + 21 * story.hour)

    def items(first, end):
        return decode(bench.log.records[first:end], first, log_id="test-log", partitions=1), end

    return items


async def test_ids_come_with_the_first_record(bench, story, due, begin):
    work, store = begin()
    await work.apply(*due(2, 3))
    assert store.loaded == [(["acme"], False)]
    await work.apply(*due(3, 5))
    assert store.loaded[1:] == [(["acme"], True)]
    await work.commit()
    assert bench.core.fence().counts["duplicate"] == 1
    story.agrees(bench)


async def test_ids_of_an_account_that_has_no_chunks_are_there_already(bench, story, due, begin, monkeypatch):
    monkeypatch.undo()
    bench.core.clear()
    first, store = begin()
    await first.apply(*due(0, 2))
    await first.commit()
    work, store = begin()
    await work.apply(*due(2, 3))
    await work.apply(*due(3, 5))
    assert store.loaded == [(["acme"], False)]
    await work.commit()
    story.agrees(bench)


async def test_what_came_of_ids_from_behind_a_fence_that_has_moved_is_not_told(bench, due, begin):
    """The other owner may have dropped what is over at its fence, and not at ours."""
    zombie, _ = begin()
    await zombie.apply(*due(2, 3))
    owner, _ = begin()
    await owner.apply(*due(2, 5))
    await owner.commit()
    told = list(bench.output.sent)
    await zombie.apply(*due(3, 5))
    with pytest.raises(FenceMovedError):
        await zombie.commit()
    assert bench.output.sent == told
