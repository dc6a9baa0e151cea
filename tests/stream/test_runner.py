"""The runner against in-memory twins: what comes out is the plain fold of the log."""

import asyncio

import pytest

from schemas.dead_letter import DeadLetter


async def test_it_is_the_plain_fold_of_the_log(bench, story):
    bench.story()

    await bench.run_to_end()

    sent, transitions = story.agrees(bench)
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

    story.agrees(bench)
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
    story.agrees(bench)


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
    story.agrees(bench)


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
    story.agrees(bench)


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
    story.agrees(bench)


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
    story.agrees(bench)


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

    story.agrees(bench)
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

    story.agrees(bench)


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
    story.agrees(bench)


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
