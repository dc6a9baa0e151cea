"""Daily closes: two bytes a day, missing days repeated, 400 of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.closes import Close, close_days, closes, highest_close
from kenko.engine.state import AccountState, Snapshot
from kenko.model.limits import CLOSES_KEPT, DAY_MS
from schemas.health import Zone

NOON = 20_000 * DAY_MS + DAY_MS // 2


@pytest.fixture
def account():
    return AccountState("acme", b"hash", [])


def evaluated(state, now_ms, score, zone=None):
    """What an evaluation does: the days that ended are closed before score and zone move."""
    close_days(state, now_ms)
    state.last = Snapshot(now_ms, score, score, [], 0, {})
    state.zone = zone


def test_a_day_closes_with_what_was_in_force_when_it_ended(account):
    evaluated(account, NOON, 6125, Zone.YELLOW)
    assert list(closes(account)) == [], "the first day has not ended"
    evaluated(account, NOON + DAY_MS, 3900, Zone.RED)
    assert list(closes(account)) == [Close(20_000, 6125, Zone.YELLOW)]


def test_only_the_last_evaluation_of_a_day_is_its_close(account):
    for hour, score in enumerate([7000, 5000, 6500]):
        evaluated(account, NOON + hour, score, Zone.YELLOW)
    evaluated(account, NOON + DAY_MS, 100, Zone.RED)
    assert [close.score for close in closes(account)] == [6500]


def test_days_without_an_evaluation_repeat_the_close_before_them(account):
    evaluated(account, NOON, 6125, Zone.YELLOW)
    evaluated(account, NOON + 4 * DAY_MS, 3900, Zone.RED)
    assert list(closes(account)) == [Close(20_000 + day, 6125, Zone.YELLOW) for day in range(4)]


def test_a_day_without_a_score_says_so(account):
    evaluated(account, NOON, None)
    evaluated(account, NOON + DAY_MS, 0, Zone.RED)
    evaluated(account, NOON + 2 * DAY_MS, 10_000, Zone.GREEN)
    evaluated(account, NOON + 3 * DAY_MS, 1)
    assert [close[1:] for close in closes(account)] == [(None, None), (0, Zone.RED), (10_000, Zone.GREEN)]


def test_four_hundred_days_are_kept_in_two_bytes_each(account):
    evaluated(account, NOON, 5000, Zone.YELLOW)
    evaluated(account, NOON + 10 * DAY_MS, 6000, Zone.YELLOW)
    evaluated(account, NOON + 100_000 * DAY_MS, 7000, Zone.YELLOW)
    assert len(account.closes) == 2 * CLOSES_KEPT
    assert {close.score for close in closes(account)} == {6000}
    assert [close.day for close in closes(account)][-1] == 20_000 + 100_000 - 1


def test_an_evaluation_at_an_older_day_closes_nothing(account):
    evaluated(account, NOON, 5000)
    evaluated(account, NOON - 3 * DAY_MS, 4000)
    assert account.closes == b""
    assert account.closes_day == 20_000


def test_the_highest_close_looks_back_so_many_days(account):
    for day, score in enumerate([9000, 4000, None, 5000, 100]):
        evaluated(account, NOON + day * DAY_MS, score)
    assert highest_close(account, 3) == 5000
    assert highest_close(account, 4) == 9000
    assert highest_close(account, 400) == 9000
    assert highest_close(AccountState("b", b"", []), 7) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 3 * DAY_MS), st.none() | st.integers(0, 10_000), st.none() | st.sampled_from(Zone)),
        max_size=30,
    )
)
def test_closes_do_not_depend_on_evaluations_that_change_nothing(steps):
    """In force at the end of a day is what counts, however often somebody looked."""
    seldom, often = AccountState("a", b"", []), AccountState("a", b"", [])
    now_ms = NOON
    for gap, score, zone in steps:
        for part in range(1, 4):
            last = often.last
            if last is not None and part < 3:
                evaluated(often, now_ms + gap * part // 3, last.score, often.zone)
        now_ms += gap
        evaluated(seldom, now_ms, score, zone)
        evaluated(often, now_ms, score, zone)
    assert list(closes(seldom)) == list(closes(often))
