from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.snapshots import PERIOD_MS, forget_details, period_start, reference, rotate
from kenko.engine.state import AccountState, Snapshot

DAY_MS = 86_400_000

NUMBERS = st.one_of(st.none(), st.sampled_from([0, 1, 70_000_000]), st.integers(-(1 << 63), (1 << 64) - 1))
EVALUATIONS = st.lists(
    st.tuples(
        st.integers(0, 9),  # days since the one before
        st.one_of(st.none(), st.integers(0, 10_000)),
        st.one_of(st.lists(NUMBERS, min_size=70, max_size=70), st.lists(NUMBERS, max_size=3)),
        st.dictionaries(st.integers(0, 70), st.integers(-5, 5), max_size=2),
    ),
    max_size=8,
)


def account():
    return AccountState(account_id="acme", scored_by=b"", signals=[])


def found(scores):
    """Evaluate at (day, score) and answer the score a receipt at the last day compares with."""
    state = account()
    for day, score in scores:
        rotate(state, day * DAY_MS)
        state.last = Snapshot(day * DAY_MS, score, score, [], 0, {})
    before = reference(state)
    return None if before is None else before.score


@pytest.mark.parametrize(
    ("scores", "reference_score"),
    [
        ([(0, 90)], None),
        ([(0, 90), (4, 80)], None),  # the first period
        ([(0, 90), (4, 80), (5, 70)], 80),  # what was in force when the second period began
        ([(0, 90), (4, 80), (5, 70), (9, 60)], 80),
        ([(0, 90), (4, 80), (5, 70), (9, 60), (10, 50)], 80),  # five days before the third began
        ([(0, 90), (4, 80), (9, 60), (10, 50), (15, 40)], 60),
        ([(0, 90), (4, 80), (23, 10)], 80),  # after a long silence: nothing had changed
    ],
)
def test_a_receipt_compares_with_what_was_in_force_five_to_ten_days_ago(scores, reference_score):
    assert PERIOD_MS == 5 * DAY_MS
    assert found(scores) == reference_score


@given(EVALUATIONS)
def test_both_are_kept_to_the_last_value_whatever_differs_between_them(evaluations):
    """Against a plain reading: the one in force at the last boundary, and the one before that where it was known."""
    state, start, before, day = account(), None, None, 0
    for days, score, raws, lasting in evaluations:
        day += days
        last = state.last
        rotate(state, day * DAY_MS)
        if last is not None and (periods := day // 5 - last.time_ms // PERIOD_MS):
            start, before = last, start if periods == 1 else last
        state.last = Snapshot(day * DAY_MS, score, score, raws, 0, lasting)
        assert period_start(state) == start
        assert reference(state) == (before or start)


def test_another_models_details_are_forgotten_and_its_scores_are_kept():
    state = account()
    for day, score in ((1, 90), (6, 70), (11, 50)):
        rotate(state, day * DAY_MS)
        state.last = Snapshot(day * DAY_MS, score, score - 10, [day], 2, {0: day})
    state.lasting = {0: 1}
    forget_details(state)
    assert reference(state) == Snapshot(1 * DAY_MS, 90, 80, [], 0, {})
    assert period_start(state) == Snapshot(6 * DAY_MS, 70, 60, [], 0, {})
    assert state.lasting == {}


def test_where_nothing_was_evaluated_there_is_nothing_to_forget():
    state = account()
    forget_details(state)
    assert (state.earlier, reference(state), period_start(state)) == (b"", None, None)
