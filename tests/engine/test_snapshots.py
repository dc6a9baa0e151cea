from __future__ import annotations

import pytest

from kenko.engine.snapshots import PERIOD_MS, forget_details, reference, rotate
from kenko.engine.state import AccountState, Snapshot

DAY_MS = 86_400_000


def found(scores):
    """Evaluate at (day, score) and answer the score a receipt at the last day compares with."""
    state = AccountState(account_id="acme", scored_by="", signals=[])
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


def test_another_models_details_are_forgotten_and_its_scores_are_kept():
    state = AccountState(account_id="acme", scored_by="", signals=[], period_start=Snapshot(1, 90, 80, [1], 2, {0: 1}))
    forget_details(state)
    assert state.period_start == Snapshot(1, 90, 80, [], 0, {})
