from __future__ import annotations

import pytest

from kenko.model import load_model
from kenko.model.hashes import with_due_budget

SAME_ALL = [
    # words, order of keys and signals, version, comments
    ("unit: minutes", "unit: min"),
    ("version: 7", "version: 8"),
    ("kind: HealthModel", "kind: HealthModel  # ours"),
    ("    aggregate: count\n    window: 28d\n", "    window: 28d\n    aggregate: count\n"),
    ("window: 7d", "window: 168h"),
]
SAME_STATE = [
    # what is made of the signals
    ("weight: 50", "weight: 51"),
    ("below: 40", "below: 39"),
    ("half_life: 7d", "half_life: 8d"),
    ("lte: 3", "lte: 4"),
    ("new_account_grace: 14d", "new_account_grace: 15d"),
    ("missing: redistribute", "missing: neutral"),
]
ALL_NEW = [
    # the signals themselves
    ("window: 7d", "window: 8d"),
    ("gte: 100", "gte: 101"),
    ("exports_28d", "exports"),
    ("stale_after: 180d", "stale_after: 90d"),
    ("ended: [Contract Ended]", "ended: [Cancelled]"),
    ("[Signed Up, Data Connected]", "[Data Connected, Signed Up]"),
]


@pytest.mark.parametrize(
    ("old", "new", "same_state", "same_score"),
    [(*pair, True, True) for pair in SAME_ALL]
    + [(*pair, True, False) for pair in SAME_STATE]
    + [(*pair, False, False) for pair in ALL_NEW],
)
def test_a_hash_changes_exactly_with_what_it_stands_for(text, old, new, same_state, same_score):
    assert old in text
    before, after = load_model(text), load_model(text.replace(old, new))
    assert (before.state_hash == after.state_hash) is same_state
    assert (before.score_hash == after.score_hash) is same_score


def test_another_due_budget_is_another_score_hash(text):
    known = load_model(text).score_hash
    assert with_due_budget(known, 1000) == known
    assert len({known, with_due_budget(known, 999), with_due_budget(known, 10)}) == 3


def test_hashes_stay_what_they_are(text):
    """Every stored row and every alert id hangs on them: a change here is a change of keyspace."""
    model = load_model(text)
    assert len(model.state_hash) == len(model.score_hash) == 32
    assert model.state_hash == "b56ccb2a7e6f4f906e6389ec0f91c2cc"
    assert model.score_hash == "038019cd173801c291d16b93ecb6b026"
