"""The runner against in-memory twins: what comes out is the plain fold of the log."""

import asyncio

import pytest

from kenko.engine.source_rhythm import USUAL, Heard
from kenko.store.memory_partition import MemoryPartitionStore
from schemas.base import from_ms
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
    assert bench.observer.turned_away == {("api", "duplicate"): 1, ("api", "too_late"): 1}


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


async def test_the_working_set_stays_small_while_the_queue_is_never_empty(bench, story):
    class Asked(MemoryPartitionStore):
        accounts = ()

        async def rows(self, account_ids, *, with_ids=True):
            self.accounts += tuple(account_ids)
            return await super().rows(account_ids, with_ids=with_ids)

    for number in range(2100):  # more than one commit takes
        bench.event(f"a{number}", at_ms=story.start)
    bench.event("a0", at_ms=story.start)
    bench.tick(story.start + story.hour)
    store = Asked(bench.core)
    runner = bench.runner(store=store, max_rows=700)
    await asyncio.wait_for(runner.positioned.wait(), 5)
    while (batch := bench.log.fetch(700)) is not None:
        runner.deliver(batch, lambda: None)
    await bench.settle(runner)

    assert store.accounts.count("a0") == 2  # dropped on the way, though no batch was the last one yet
    await runner.stop(5)
    assert bench.core.fence().counts["applied"] == 2101


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


@pytest.mark.parametrize("fetch_limit", [1, 3, 1000])
async def test_traits_and_overrides_are_part_of_the_fold_and_every_score_is_sent_before_the_fence(
    bench, story, fetch_limit
):
    bench.traits(at_ms=story.start, seats=40, owner="sato@example.com")
    bench.traits("only-known-to-the-crm", at_ms=story.start, seats=3)
    bench.story()
    bench.override("globex", at_ms=story.start + 12 * story.day, score=90.0, until_ms=story.start + 13 * story.day)
    for hour in range(0, 48, 6):
        bench.tick(story.start + 12 * story.day + hour * story.hour)
    bench.fetch_limit = fetch_limit

    await bench.run_to_end()

    story.agrees(bench)
    assert not bench.failures
    assert {r.partition for r in bench.output.sent} == {0}
    sent = bench.scores()
    assert [r.key.decode() for r in bench.score_records()] == [s.account_id for s in sent]
    assert {s.account_id for s in sent} == {"acme", "globex", "initech", "only-known-to-the-crm"}
    by_hand = [s for s in sent if s.account_id == "globex" and s.time >= from_ms(story.start + 12 * story.day)]
    assert [s.score == 90.0 for s in by_hand] == [True, False]  # set, and what is measured again at its end


async def test_a_broken_override_is_a_dead_letter_and_what_follows_is_applied(bench, story):
    at_ms = story.start
    offset = bench.override(at_ms=at_ms, score=35.0)
    record = bench.log.records[offset]
    bench.log.records[offset] = record._replace(value=record.value.replace(b"35.0", b"135"))
    bench.event(at_ms=at_ms)
    bench.tick(at_ms + story.hour)

    await bench.run_to_end()

    story.agrees(bench)
    (dead,) = [r for r in bench.output.sent if r.topic == "dead-letters"]
    assert b"value.score" in dict(dead.headers)["kenko.error.message"]


def through_a_silence(bench, story, *, back):
    """Used daily for four days; then nothing comes, for the pipeline is at fault."""
    bench.story(days=4)
    last = story.start + 3 * story.day + 2 * story.hour
    bench.source_state(None, at_ms=last + 4 * story.hour, since_ms=last)
    for hour in range(4, 24 * 8, 4):
        bench.tick(last + hour * story.hour)
    if back:
        bench.source_state(None, at_ms=last + 8 * story.day, since_ms=None)
        bench.tick(last + 8 * story.day)
    return last


@pytest.mark.parametrize("fetch_limit", [1, 7, 1000])
async def test_while_all_sources_are_silent_nobody_falls_and_when_they_are_back_time_counts_again(
    bench, story, fetch_limit
):
    bench.fetch_limit = fetch_limit
    last = through_a_silence(bench, story, back=True)

    await bench.run_to_end()

    story.agrees(bench)
    assert bench.core.fence().silent == {}
    fallen = {t.account_id: t.time for t in bench.transitions() if t.to_zone == "red"}
    assert set(fallen.values()) == {from_ms(last + 8 * story.day)}, "not before it is back"


async def test_a_restart_forgets_no_silence(bench, story):
    last = through_a_silence(bench, story, back=False)
    await bench.run_to_end()
    assert bench.core.fence().silent == {"": last}

    bench.tick(last + 9 * story.day)
    await bench.run_to_end()
    story.agrees(bench)
    assert not [t for t in bench.transitions() if t.to_zone == "red"]

    bench.source_state(None, at_ms=last + 10 * story.day, since_ms=None)
    bench.tick(last + 10 * story.day)
    await bench.run_to_end()
    story.agrees(bench)
    assert {t.to_zone for t in bench.transitions() if t.time == from_ms(last + 10 * story.day)} == {"red"}


@pytest.mark.parametrize("fetch_limit", [1, 3, 1000])
async def test_what_is_heard_of_sources_is_kept_with_the_fence_whatever_the_batches(bench, story, fetch_limit):
    bench.fetch_limit = fetch_limit
    at = story.start
    for hour, source in [(0, "api"), (0, "crm"), (1, "api"), (5, "api"), (6, "crm"), (29, "api")]:
        bench.event(source=source, at_ms=at + hour * story.hour + 1000)
    bench.poison(at_ms=at + 40 * story.hour)
    bench.tick(at + 40 * story.hour)
    await bench.run_to_end()

    api = sum(1 << 29 - hour for hour in (0, 1, 5, 29))
    kept = {"api": Heard(at + 29 * story.hour + 1000, api), "crm": Heard(at + 6 * story.hour + 1000, 0b1000001)}
    assert bench.core.fence().heard == kept

    bench.event(source="crm", at_ms=at + 41 * story.hour)  # a restart goes on from there
    bench.tick(at + 42 * story.hour)
    await bench.run_to_end()
    kept["crm"] = USUAL.hear(kept["crm"], at + 41 * story.hour)
    assert bench.core.fence().heard == kept
