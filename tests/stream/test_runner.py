"""The runner against in-memory twins: whatever happens, what comes out is the plain fold of the log."""

import asyncio

import pytest

from kenko.runtime.errors import ConfigurationError, PermanentError, TransientError
from kenko.store.memory_partition import Interruption, MemoryPartitionStore
from kenko.store.port import Fence, PartitionCommit
from schemas.dead_letter import DeadLetter


def agrees(bench, story):
    """What the store holds and what was sent is what one fold over the log makes of it."""
    core, transitions = story.fold_offline(bench.model, bench.log)
    reference = type(bench)(bench.model, log=bench.log, core=core)
    assert bench.state() == reference.state()
    sent = bench.transitions()
    unique = {t.id: t for t in sent}
    assert list(unique) == [t.id for t in transitions]
    assert list(unique.values()) == transitions
    return sent, transitions


async def test_it_is_the_plain_fold_of_the_log(bench, story):
    bench.story()

    await bench.run_to_end()

    sent, transitions = agrees(bench, story)
    assert len(sent) == len(transitions) > 3  # each once
    assert {r.partition for r in bench.output.sent} == {0}
    assert bench.core.fence().offset == bench.log.end
    assert bench.observer.counts == bench.core.fence().counts
    assert not bench.failures


async def test_every_record_is_counted_once(bench, story):
    bench.story()
    bench.event(event_id="again", at_ms=story.start + 12 * story.day)
    bench.event(event_id="again", at_ms=story.start + 12 * story.day)
    bench.event(at_ms=story.start - 400 * story.day)
    bench.poison(at_ms=story.start + 12 * story.day)
    bench.tick(story.start + 13 * story.day)

    await bench.run_to_end()

    counts = bench.core.fence().counts
    records = ("applied", "duplicate", "too_late", "ticks", "ticks_ignored")
    dead = sum(count for name, count in counts.items() if name.startswith("dead_lettered."))
    assert sum(counts.get(name, 0) for name in records) + dead == bench.log.end
    assert (counts["duplicate"], counts["too_late"], dead) == (1, 1, 1)


@pytest.mark.parametrize("fetch_limit", [1, 2, 3, 50, 1000])
@pytest.mark.parametrize("commit_every", [1, 10_000])
async def test_batch_boundaries_and_shared_commits_change_nothing(bench, story, fetch_limit, commit_every):
    bench.story()
    bench.fetch_limit = fetch_limit

    await bench.run_to_end(commit_every=commit_every)

    agrees(bench, story)
    ticks = bench.core.fence().counts["ticks"]
    if (fetch_limit, commit_every) == (1000, 10_000):
        assert bench.observer.commits == 1 < ticks  # all ticks of a batch shared one
    if commit_every == 1 and fetch_limit < 50:
        assert bench.observer.commits > 1


async def test_records_below_the_fence_are_dropped(bench, story):
    bench.story()
    await bench.run_to_end()
    before = bench.state()

    runner = bench.runner()
    await asyncio.wait_for(runner.positioned.wait(), 5)
    await bench.log.seek(0)  # as after a rebalance that went back to a committed offset
    bench.event(at_ms=story.start + 13 * story.day)
    bench.tick(story.start + 13 * story.day)
    await bench.settle(runner)
    await runner.stop(5)

    assert bench.state() != before
    agrees(bench, story)


async def test_records_that_did_not_come_are_read_again(bench, story):
    bench.story()
    runner = bench.runner()
    await asyncio.wait_for(runner.positioned.wait(), 5)

    bench.fetch_limit = 5
    bench.log.fetch(5)  # fetched, and dropped on the way, as Faust may do
    for _ in range(3):  # these follow on what never came
        runner.deliver(bench.log.fetch(5), lambda: None)
    await bench.settle(runner)
    await runner.stop(5)

    assert bench.observer.gaps == 1
    assert bench.log.seeks == [0, 0]  # the start, and one seek back for all three
    agrees(bench, story)


async def test_a_hole_in_the_offsets_is_passed(bench, story):
    bench.story(days=6)
    bench.log.skip(4)  # a transaction's markers
    bench.event(at_ms=story.start + 6 * story.day)
    bench.tick(story.start + 6 * story.day)
    bench.log.skip(1)
    bench.event(at_ms=story.start + 6 * story.day)
    bench.tick(story.start + 7 * story.day)

    await bench.run_to_end()

    assert (bench.observer.holes, bench.observer.gaps) == (5, 0)
    agrees(bench, story)


async def test_a_log_that_starts_above_the_fence_goes_on_and_says_how_much_is_gone(bench, story):
    bench.story(days=3)
    await bench.run_to_end()
    fence = bench.core.fence().offset
    bench.story(days=2)
    bench.log.forget_below(fence + 4)

    await bench.run_to_end()

    assert bench.observer.holes == 4
    assert bench.core.fence().offset == bench.log.end
    assert not bench.failures


async def test_a_first_start_takes_the_log_as_it_is(bench, story):
    bench.story()
    bench.log.forget_below(10)

    await bench.run_to_end()

    assert bench.observer.holes == 0
    agrees(bench, story)


async def test_a_refused_commit_drops_everything_and_goes_on_from_the_fence(bench, story):
    """A zombie: another runner has passed it. Its commit changes nothing, and it goes on behind the other's fence."""
    bench.story(days=6)
    zombie = bench.runner(commit_every=1)
    await asyncio.wait_for(zombie.positioned.wait(), 5)
    committed = asyncio.Event()
    zombie.deliver(bench.log.fetch(4), committed.set)
    await asyncio.wait_for(committed.wait(), 5)

    await bench.run_to_end()  # another one takes over and runs to the end
    there = bench.state()

    await bench.log.seek(4)  # the zombie wakes where it stood
    bench.event(at_ms=story.start + 6 * story.day)
    bench.tick(story.start + 7 * story.day)
    await bench.until(zombie, lambda: bench.core.fence().offset == bench.log.end)
    await zombie.stop(5)

    assert bench.observer.refusals == 1
    assert bench.state() != there
    agrees(bench, story)


async def test_an_emptied_store_is_rebuilt_from_the_log(bench, story):
    bench.story()
    runner = bench.runner()
    await bench.settle(runner)
    bench.core.clear()
    bench.event(at_ms=story.start + 12 * story.day)
    bench.tick(story.start + 13 * story.day)

    await bench.until(runner, lambda: bench.core.fence() is not None and bench.core.fence().offset == bench.log.end)

    assert bench.observer.refusals == 1
    agrees(bench, story)


@pytest.mark.parametrize("at", list(Interruption))
async def test_a_commit_that_stops_half_way_is_repeated(bench, story, at):
    bench.story()
    runner = bench.runner()
    bench.fetch_limit = 4
    await bench.until(runner, lambda: runner.next_offset and runner.next_offset > 12)
    bench.core.interrupt_next_commit(at)

    await bench.settle(runner)
    await runner.stop(5)

    agrees(bench, story)


class CrashingStore(MemoryPartitionStore):
    """Its nth commit never comes: the process dies between the outputs and the fence."""

    def __init__(self, core, nth):
        super().__init__(core)
        self.left = nth

    async def commit(self, commit):
        self.left -= 1
        if self.left == 0:
            raise asyncio.CancelledError
        return await super().commit(commit)


@pytest.mark.parametrize("nth", range(1, 14))
async def test_a_crash_between_outputs_and_fence_repeats_the_same_ids(bench, story, nth):
    bench.story()
    bench.fetch_limit = 4
    dead = bench.runner(store=CrashingStore(bench.core, nth), commit_every=1)
    await bench.until(dead, dead._task.done)
    before = [t.id for t in bench.transitions()]

    await bench.run_to_end()

    sent, transitions = agrees(bench, story)
    ids = [t.id for t in sent]
    assert set(before) <= {t.id for t in transitions}  # what a crash repeats was right the first time
    assert len(ids) - len(set(ids)) <= len(before)
    by_id = {}
    for transition in sent:
        assert by_id.setdefault(transition.id, transition) == transition  # to the last field


class CrashingOutput:
    """At its nth list the process dies, with half of it written."""

    def __init__(self, output, nth):
        self.output, self.left = output, nth

    async def send(self, records):
        self.left -= bool(records)
        if records and not self.left:
            await self.output.send(records[: len(records) // 2])
            raise asyncio.CancelledError
        return await self.output.send(records)


@pytest.mark.parametrize("nth", range(1, 5))
async def test_a_crash_while_outputs_are_written_loses_none(bench, story, nth):
    bench.story()
    bench.fetch_limit = 4
    dead = bench.runner(output=CrashingOutput(bench.output, nth), commit_every=1)
    await bench.until(dead, dead._task.done)

    await bench.run_to_end()

    agrees(bench, story)


async def test_poison_goes_to_the_dead_letters_before_the_fence_passes_it(bench, story):
    bench.story(days=5)
    first = bench.poison(at_ms=story.start + 5 * story.day)
    null = bench.poison(value=None, at_ms=story.start + 5 * story.day)
    bench.event(at_ms=story.start + 5 * story.day)
    huge = bench.poison(value=b"\xff" * 1_000_000, at_ms=story.start + 5 * story.day)
    bench.tick(story.start + 6 * story.day)

    await bench.run_to_end()

    dead = [r for r in bench.output.sent if r.topic == "dead-letters"]
    letters = [DeadLetter.from_headers(list(r.headers)) for r in dead]
    assert [(d.offset, d.partition, d.topic, d.app) for d in letters] == [
        (offset, 0, bench.log.topic, "scorer") for offset in (first, null, huge)
    ]
    assert [len(r.value) for r in dead] == [1, 0, 512 * 1024]
    assert "value cut from 1000000" in letters[2].message
    assert bench.core.fence().counts["applied"] == 15


class AwayOutput:
    """Kafka away for the first tries."""

    def __init__(self, output, failures):
        self.output, self.failures = output, failures

    async def send(self, records):
        if records and self.failures:
            self.failures -= 1
            raise TransientError("no broker")
        return await self.output.send(records)


async def test_kafka_away_is_waited_out_and_nothing_is_skipped(bench, story):
    bench.story()

    await bench.run_to_end(output=AwayOutput(bench.output, failures=5))

    agrees(bench, story)


class RefusingOutput:
    async def send(self, _records):
        raise PermanentError("topic authorization failed", reason="kafka_authorization")


async def test_what_no_waiting_mends_ends_the_runner_and_leaves_the_fence(bench):
    bench.story()
    runner = bench.runner(output=RefusingOutput())

    await bench.settle(runner)
    await runner.stop(5)

    assert [type(error) for error in bench.failures] == [PermanentError]
    assert bench.core.fence() is None


@pytest.mark.parametrize("other", [{"log_id": "other-log", "offset": 3}, {"log_id": "test-log", "offset": 900}])
async def test_another_or_a_shorter_log_is_refused_with_what_to_do(bench, other):
    bench.story()
    bench.core.commit(PartitionCommit(expected=None, fence=Fence(**other)))
    runner = bench.runner()

    await bench.settle(runner)

    (error,) = bench.failures
    assert isinstance(error, ConfigurationError)
    assert "KENKO_REDIS_PREFIX" in str(error)
    assert bench.core.fence().offset == other["offset"]


async def test_log_time_copies_each_tick_after_its_transitions(bench, story):
    bench.story()

    await bench.run_to_end(copies_ticks=True)

    out = [r for r in bench.output.sent if r.topic == "transitions"]
    ticks = [r for r in bench.log.records if r.key is None]
    assert [r.value for r in out if r.key is None] == [t.value for t in ticks]
    offsets = iter(t.offset for t in ticks)
    expected = next(offsets)
    for record, transition in zip(out, _transitions_or_none(out), strict=True):
        if transition is None:
            expected = next(offsets, None)
        else:
            assert transition.offset == expected  # before the copy of the tick that caused it
        assert record.partition == 0
    agrees(bench, story)


def _transitions_or_none(records):
    from schemas.transition import Transition

    return [None if r.key is None else Transition.model_validate_json(r.value) for r in records]


async def test_wall_time_copies_no_tick(bench):
    bench.story()
    await bench.run_to_end()
    assert all(r.key is not None for r in bench.output.sent)


async def test_an_older_tick_still_evaluates_at_the_later_time(bench, story):
    bench.story(days=3)
    bench.event("late-comer", at_ms=story.start + 3 * story.day)
    bench.tick(story.start)

    await bench.run_to_end()

    agrees(bench, story)
    assert bench.core.fence().now_ms == story.start + 2 * story.day + 17 * story.hour


async def test_many_accounts_are_committed_in_parts(bench, story):
    for number in range(4500):
        bench.event(f"account-{number}", at_ms=story.start)
    for tick in range(8):
        bench.tick(story.start + story.hour + tick)
    bench.fetch_limit = 1000

    await bench.run_to_end()

    assert not bench.failures
    assert bench.core.fence().offset == bench.log.end
    assert bench.core.next_due() > story.start + story.hour  # nobody was forgotten
    assert bench.observer.commits >= 4


async def test_a_small_working_set_gives_the_same(bench, story):
    bench.story(accounts=tuple(f"a{n}" for n in range(9)))

    await bench.run_to_end(max_rows=1)

    agrees(bench, story)


async def test_a_full_queue_holds_the_partition_back_and_lets_it_go(bench, story):
    bench.story()
    runner = bench.runner(queue_high=3, queue_low=1)
    await asyncio.wait_for(runner.positioned.wait(), 5)
    assert not bench.log.held

    for _ in range(3):
        runner.deliver(bench.log.fetch(2), lambda: None)
    assert bench.log.held
    await bench.settle(runner)

    assert not bench.log.held
    await runner.stop(5)
    agrees(bench, story)


async def test_what_is_applied_is_committed_without_a_tick_when_nothing_more_comes(bench, story):
    bench.event(at_ms=story.start)
    runner = bench.runner(idle_commit_s=0.01)
    done = []
    await asyncio.wait_for(runner.positioned.wait(), 5)
    runner.deliver(bench.log.fetch(), lambda: done.append("acked"))

    await bench.until(runner, lambda: runner.fence_offset == 1)

    assert runner.next_due_ms == 0  # touched: due at the next tick
    assert runner.take_arrived()
    assert not runner.take_arrived()
    await bench.until(runner, lambda: done)


async def test_stopping_commits_what_is_applied(bench, story):
    bench.event(at_ms=story.start)
    runner = bench.runner()
    await bench.settle(runner)
    assert bench.core.fence() is None

    await runner.stop(5)

    assert bench.core.fence().offset == 1
