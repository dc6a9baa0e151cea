"""A scorer with another model takes over: one change told for each account that differs, nothing twice, nothing lost."""

import asyncio
from copy import deepcopy

import pytest

from kenko.engine.closes import closes
from kenko.engine.scorer import Scorer
from kenko.model import load_model
from kenko.runtime.errors import ConfigurationError
from kenko.store.port import Fence, PartitionCommit
from kenko.store.roles import Role
from kenko.store.succession_memory import MemorySuccession
from schemas.health import Zone
from schemas.transition import Cause
from tests.stream.changed_model.story import ACCOUNTS, LIVE, NEXT, decoded, is_consistent, settled, tell


async def test_each_account_that_differs_is_told_of_once_as_a_changed_model(live, models):
    before = live.transitions()
    was = decoded(live)
    taken = live.beside(models[1])

    await settled(taken)

    now = decoded(taken)
    told = live.transitions()[len(before) :]
    assert told, "the models differ"
    assert {t.cause for t in told} == {Cause.CHANGED_MODEL}
    assert {t.offset for t in told} == {live.log.end}
    assert len({(t.account_id, t.rule) for t in told}) == len(told)
    moved = {a for a in ACCOUNTS if was[a].zone is not now[a].zone}
    assert {t.account_id for t in told if t.is_of_zone} == moved
    assert len(moved) >= 2
    assert moved != set(ACCOUNTS)
    assert {t.rule for t in told} == {"zone", "few-exports", "busy"}, "nothing of `quiet`, which both see alike"
    assert all(not t.holds for t in told if t.rule == "few-exports")
    is_consistent(taken)
    assert live.core.role is Role.LEFT
    assert taken.core.role is Role.LIVE


async def test_unchanged_signals_are_the_live_ones_and_changed_ones_those_of_the_log(live, models, another_bench):
    taken = live.beside(models[1])
    built = another_bench(log=live.log)
    built.model = models[1]
    live.log.position = 0
    await built.run_to_end()
    was = decoded(live)

    await settled(taken)

    places = {signal.name: place for place, signal in enumerate(models[1].stored)}
    former = {signal.name: place for place, signal in enumerate(models[0].stored)}
    by_log = decoded(built)
    for account, state in decoded(taken).items():
        for name in ("uses_14d", "days_14d"):
            assert state.signals[places[name]] == by_log[account].signals[places[name]]
        for name, former_name in (("last_seen", "last_seen"), ("exported_rows", "rows_28d")):
            assert state.signals[places[name]] == was[account].signals[former[former_name]]
        assert state.traits == was[account].traits
        assert state.override == was[account].override
        kept = list(closes(was[account]))
        assert list(closes(state))[: len(kept)] == kept, "days since its last evaluation come behind"
        assert state.first_seen_ms == was[account].first_seen_ms
    assert taken.core.fence() == live.core.fence()
    assert {a: r.ids for a, r in taken.core.rows(ACCOUNTS).items()} == {
        a: r.ids for a, r in live.core.rows(ACCOUNTS).items()
    }


async def test_afterwards_it_goes_on_as_if_it_had_always_been_there(live, models, story):
    taken = live.beside(models[1])
    await settled(taken)
    sent = len(live.transitions())

    tell(taken, story, days=24, first=12)
    taken.event("newcomer", at_ms=story.start + 23 * story.day + 12 * story.hour)
    taken.tick(story.start + 24 * story.day)
    await settled(taken)

    assert len(live.transitions()) > sent
    assert Cause.CHANGED_MODEL not in {t.cause for t in live.transitions()[sent:]}
    assert decoded(taken, ["newcomer"])["newcomer"].first_seen_ms is not None
    is_consistent(taken)


@pytest.mark.parametrize("fetch_limit", [3, 1000])
async def test_records_behind_the_point_wait_for_the_cut_over(live, models, story, fetch_limit):
    """They stand in the log already, in one batch with those before it: it comes to the same as if they came later."""
    at = live.log.end
    spaces, position, sent = deepcopy((live.keyspaces, live.log.position, live.output.sent))
    first = live.beside(models[1])
    await settled(first)
    tell(first, story, days=16, first=12)
    await settled(first)
    in_two_steps = first.state(), live.transitions()
    live.keyspaces, live.log.position, live.output.sent[:] = spaces, position, sent
    taken = live.beside(models[1])
    taken.fetch_limit = fetch_limit

    await settled(taken)

    assert (taken.state(), live.transitions()) == in_two_steps
    by_cut_over = [t.offset for t in live.transitions() if t.score_hash == models[1].score_hash and t.offset == at]
    assert by_cut_over
    assert max(t.offset for t in live.transitions()) > at


@pytest.mark.parametrize("cut", [0.5, 1.0])
async def test_what_the_log_no_longer_holds_is_carried_over(live, models, cut):
    """Half of the log is gone, or all of it: what the live model knows is not lost."""
    was = decoded(live)
    live.log.forget_below(int(live.log.end * cut))
    taken = live.beside(models[1])

    runner = taken.runner()
    await taken.until(runner, lambda: taken.keyspaces.live == taken.name)
    await runner.stop(5)

    assert taken.core.fence() == live.core.fence()
    places = {signal.name: place for place, signal in enumerate(models[1].stored)}
    former = {signal.name: place for place, signal in enumerate(models[0].stored)}
    now = decoded(taken)
    assert now.keys() == was.keys()
    for account, state in now.items():
        assert state.signals[places["exported_rows"]] == was[account].signals[former["rows_28d"]]
        assert state.signals[places["last_seen"]] == was[account].signals[former["last_seen"]]
        kept = list(closes(was[account]))
        assert list(closes(state))[: len(kept)] == kept, "days since its last evaluation come behind"
    is_consistent(taken)


async def test_an_open_episode_that_both_see_alike_is_not_told_again(live, models):
    red = {a for a, state in decoded(live).items() if state.zone is Zone.RED}
    before = len(live.transitions())
    taken = live.beside(models[1])

    await settled(taken)

    still = {a for a, state in decoded(taken).items() if state.zone is Zone.RED} & red
    assert still
    assert not still & {t.account_id for t in live.transitions()[before:] if t.is_of_zone}


async def test_an_account_that_the_live_model_never_knew_is_told_of_too(live, story):
    """Its one event came too late for the shorter horizon of the live model."""
    now_ms = story.start + 12 * story.day
    live.event("antique", at_ms=now_ms - 50 * story.day)
    live.tick(now_ms + story.hour)
    await settled(live)
    assert decoded(live, ["antique"]) == {}
    before = len(live.transitions())
    taken = live.beside(
        load_model(
            NEXT.replace(
                'uses_14d: {match: {event: "*"}, aggregate: count, window: 14d}',
                'uses_14d: {match: {event: "*"}, aggregate: count, window: 60d}',
            ),
            name="next.yaml",
        )
    )
    taken.log.position = 0

    await settled(taken)

    told = [t for t in live.transitions()[before:] if t.account_id == "antique" and t.is_of_zone]
    assert [(t.from_zone, t.to_zone, t.cause) for t in told] == [
        (None, decoded(taken, ["antique"])["antique"].zone, Cause.CHANGED_MODEL)
    ]
    assert told[0].to_zone is not None


async def test_a_worker_with_the_former_model_cuts_back(live, models, story, another_bench):
    taken = live.beside(models[1])
    await settled(taken)
    taken.tick(story.start + 12 * story.day)
    await settled(taken)

    await settled(live)

    assert live.keyspaces.live == live.name
    assert live.core.fence() == taken.core.fence()
    is_consistent(live)
    never_left = another_bench(log=live.log)
    never_left.model = models[0]
    live.log.position = 0
    await never_left.run_to_end()
    scorer, now_ms = Scorer(models[0]), live.core.fence().now_ms
    values = {a: scorer.values(state, now_ms) for a, state in decoded(live).items()}
    assert values == {a: scorer.values(state, now_ms) for a, state in decoded(never_left).items()}
    assert {a: s.zone for a, s in decoded(live).items()} == {a: s.zone for a, s in decoded(never_left).items()}


async def test_a_zombie_of_the_former_model_is_refused(live, models, story):
    """Stopped for a while, it wakes in the middle of the cut-over and wants to commit what it has."""
    zombie = live.runner()
    await asyncio.wait_for(zombie.positioned.wait(), 5)
    taken = live.beside(models[1])
    await MemorySuccession(live.keyspaces, taken.name).claim(b"")
    fence = live.core.fence()

    late = PartitionCommit(fence.offset, Fence(fence.offset + 1, "test-log", fence.now_ms))
    outcome = live.core.commit(late)

    assert outcome == "refused"
    assert live.core.fence() == fence
    await zombie.stop(0)


async def test_where_ours_is_ahead_a_person_decides(live, models):
    taken = live.beside(models[1])
    taken.core.commit(PartitionCommit(None, Fence(live.log.end + 5, "test-log", 0), role=Role.SHADOW))
    live.log.skip(10)

    runner = taken.runner()
    await taken.until(runner, lambda: False)

    (error,) = taken.failures
    assert isinstance(error, ConfigurationError)
    assert live.name in str(error)
    assert live.keyspaces.live == live.name
    await runner.stop(0)


async def test_a_live_keyspace_of_another_log_is_refused_with_what_to_do(live, models):
    taken = live.beside(models[1])

    runner = taken.runner(log_id="the-topic-made-anew")
    await taken.until(runner, lambda: False)

    (error,) = taken.failures
    assert isinstance(error, ConfigurationError)
    assert live.name in str(error)
    assert "KENKO_REDIS_PREFIX" in str(error)
    await runner.stop(0)


async def test_rows_that_cannot_be_read_are_told_of_anew(live, models):
    live.keyspaces.layouts[live.name] = b'{"version": 1}'
    before = len(live.transitions())
    taken = live.beside(models[1])

    await settled(taken)

    told = [t for t in live.transitions()[before:] if t.is_of_zone]
    assert {t.account_id for t in told} == {a for a, state in decoded(taken).items() if state.zone is not None}
    assert {t.from_zone for t in told} == {None}
    assert {t.cause for t in told} == {Cause.CHANGED_MODEL}


async def test_a_change_of_weights_alone_cuts_nothing_over(live, models):
    reweighed = load_model(LIVE.replace("weight: 10", "weight: 12"), name="live.yaml")
    assert reweighed.state_hash == models[0].state_hash
    other = live.beside(reweighed)
    assert other.core is live.core

    runner = other.runner()
    await asyncio.wait_for(runner.positioned.wait(), 5)

    assert live.core.role is Role.LIVE
    await runner.stop(5)
