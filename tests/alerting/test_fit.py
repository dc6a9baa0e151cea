from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kenko.alerting.decide import decide
from kenko.alerting.fit import folded
from kenko.alerting.policy import AlertPolicy
from schemas.transition import Receipt


@given(points=st.lists(st.integers(-5000, 5000), min_size=1, max_size=20), keep=st.integers(0, 20))
def test_folded_contributions_still_add_up(transition, contribution, points, keep):
    parts = tuple(contribution(f"s{i}", p / 100, weight=0.05, points_before=1.0) for i, p in enumerate(points))
    alert = decide(None, transition(contributions=parts), 0, AlertPolicy()).alert
    small = folded(alert, keep)
    Receipt.model_validate(small.receipt.model_dump())  # checks the sum
    assert len(small.receipt.contributions) <= keep + 1 or len(points) <= keep
    if len(points) <= keep:
        assert small is alert
