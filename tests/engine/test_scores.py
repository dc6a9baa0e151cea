"""Scores worked out by hand, for the small model: use 3 (10 logins a week are 100), recency 1 (half-life 7 days),
sentiment 1 (NPS), at most 39 while NPS is 3 or less."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kenko.engine.causes import Stations, main_cause, split_step
from kenko.engine.identity import short_hash
from kenko.engine.scorer import Scorer
from kenko.model import load_model
from schemas.health import Standing, Zone, centi
from schemas.transition import Cause

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def scored(scorer, start, event, *arrivals):
    """An account after events (name, age in ms, properties)."""
    state = scorer.new("acme")
    for at, (name, age, properties) in enumerate(arrivals):
        scorer.apply(state, event(name, start - age, id_=str(at), **properties), start - age, bytes([at] * 8))
    return state


@pytest.mark.parametrize(
    ("arrivals", "score", "points"),
    [
        # 6 logins are 60, seen now is 100, no NPS: (3 * 60 + 1 * 100) / 4
        ([("Login", 0, {})] * 6, 70.0, [45.0, 25.0, 0.0]),
        # and NPS 9 is 90: (3 * 60 + 100 + 90) / 5
        ([("Login", 0, {})] * 6 + [("NPS", 0, {"score": 9})], 74.0, [36.0, 20.0, 18.0]),
        # half a half-life is 70.71: (3 * 0 + 70.71) / 4 = 17.6775
        ([("Other", 84 * HOUR_MS, {})], 17.68, [0.0, 17.68, 0.0]),
        # 20 logins are no more than 10
        ([("Login", 0, {})] * 20, 100.0, [75.0, 25.0, 0.0]),
        # a cap takes (3 * 100 + 100 + 30) / 5 = 86 down to 39
        ([("Login", 0, {})] * 10 + [("NPS", 0, {"score": 3})], 39.0, [60.0, 20.0, 6.0, -47.0]),
        # a cap above the score takes nothing: (0 + 100 + 0) / 5
        ([("NPS", 0, {"score": 0})], 20.0, [0.0, 20.0, 0.0]),
        # a stale answer is no data
        ([("Login", 0, {})] * 6 + [("NPS", 30 * DAY_MS, {"score": 9})], 70.0, [45.0, 25.0, 0.0]),
        # a login of a week ago is out
        ([("Login", 0, {})] * 6 + [("Login", 7 * DAY_MS, {})] * 3, 70.0, [45.0, 25.0, 0.0]),
    ],
)
def test_scores(small, start, event, arrivals, score, points):
    health = small.health(scored(small, start, event, *arrivals), start)
    assert health.score == score
    assert [c.points for c in health.contributions] == points


@pytest.mark.parametrize(
    ("missing", "score", "later"),
    [
        # an answer of 9 is 90, 10 logins are 100, seen now is 100: (3 * 100 + 100 + 90) / 5; then it is stale
        ("redistribute", 98.0, 0.0),  # nothing is left of the others, and its own weight is theirs
        ("worst", 98.0, 0.0),
        ("neutral", 98.0, 10.0),  # (0 + 0 + 50) / 5
        ("last", 98.0, 18.0),  # (0 + 0 + 90) / 5
    ],
)
def test_an_input_without_data_counts_as_the_model_says(small_text, start, event, missing, score, later):
    scorer = Scorer(load_model(small_text.replace("{signal: nps, curve", f"{{signal: nps, missing: {missing}, curve")))
    state = scored(scorer, start, event, *[("Login", 0, {})] * 10, ("NPS", 0, {"score": 9}))
    scorer.evaluate(state, start)
    assert state.last.score == round(score * 100)
    scorer.evaluate(state, start + 300 * DAY_MS)
    assert state.last.score == round(later * 100)


@pytest.mark.parametrize(
    ("missing", "score"),
    [
        ("redistribute", 100.0),
        ("worst", 80.0),  # (3 * 100 + 100 + 0) / 5
        ("neutral", 90.0),  # (3 * 100 + 100 + 50) / 5
        ("last", 100.0),  # it never had any
    ],
)
def test_an_input_that_never_had_data_counts_as_the_model_says(small_text, start, event, missing, score):
    scorer = Scorer(load_model(small_text.replace("{signal: nps, curve", f"{{signal: nps, missing: {missing}, curve")))
    state = scored(scorer, start, event, *[("Login", 0, {})] * 10)
    assert scorer.health(state, start).score == score


def test_a_contribution_says_what_was_measured(small, start, event):
    state = scored(small, start, event, *[("Login", 36 * HOUR_MS, {})] * 6, ("NPS", 36 * HOUR_MS, {"score": 2}))
    use, recency, sentiment, cap = small.health(state, start).contributions
    assert (use.group, use.signal, use.label, use.value, use.health, use.weight) == (
        "use",
        "logins",
        "logins",
        6,
        60,
        0.6,
    )
    assert (recency.value, recency.unit, recency.health) == (1.5, "days", 86.2)
    assert (sentiment.value, sentiment.health, sentiment.note) == (2, 20, None)
    assert (cap.group, cap.signal, cap.value, cap.health, cap.weight) == ("cap", "nps", 2, None, 0)
    assert cap.note == "the score is at most 39 while this holds"
    use, recency, sentiment = small.health(scored(small, start, event, ("Login", 0, {})), start).contributions
    assert (sentiment.value, sentiment.health, sentiment.weight) == (None, None, 0)
    assert sentiment.note == "no data: its weight went to the other inputs"
    assert (use.weight, recency.weight) == (0.75, 0.25)


@pytest.mark.parametrize(
    ("arrivals", "standing"),
    [
        ([], Standing.UNKNOWN),
        ([("Login", 0, {})], Standing.SCORED),
        ([("Login", 5, {}), ("Cancelled", 0, {})], Standing.CHURNED),
        ([("Signed", 5, {})], Standing.SCORED),  # a contract that nobody uses
        ([("Cancelled", 5, {}), ("Signed", 0, {})], Standing.SCORED),
        ([("Signed", 0, {}), ("Cancelled", 5, {})], Standing.SCORED),  # by their time, not by arrival
        ([("Signed", 0, {}), ("Cancelled", 0, {})], Standing.CHURNED),  # an end wins a tie
    ],
)
def test_standing(small, start, event, arrivals, standing):
    health = small.health(scored(small, start, event, *arrivals), start)
    assert health.standing is standing
    assert (health.score is None) is (standing is not Standing.SCORED)


def test_reading_health_changes_nothing(every_kind, start, event):
    state = scored(every_kind, start, event, ("Used", 0, {"feature": 1}), ("NPS", 0, {"score": 5}), ("Login", 0, {}))
    before = every_kind.encode(state)
    every_kind.health(state, start + 30 * DAY_MS)
    assert every_kind.encode(state) == before


def test_a_row_of_another_account_or_model_is_refused(small, every_kind):
    row = small.encode(small.new("acme"))
    with pytest.raises(ValueError, match="another account"):
        small.decode("other", row)
    with pytest.raises(ValueError, match="other signals"):
        every_kind.decode("acme", row)


def test_a_small_row_is_small(every_kind, start, event):
    state = scored(
        every_kind, start, event, *[("Used", day * DAY_MS, {"feature": day % 3, "minutes": 2.5}) for day in range(7)]
    )
    every_kind.evaluate(state, start)
    assert len(every_kind.encode(state)) < 500


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=2)
)
ARRIVALS = st.lists(
    st.tuples(
        st.sampled_from(["Used", "Login", "NPS", "Ticket", "Signed"]),
        st.integers(-HOUR_MS, 9 * DAY_MS),
        st.fixed_dictionaries({}, optional={"feature": VALUES, "minutes": VALUES, "score": VALUES, "rows": VALUES}),
    ),
    max_size=15,
)


@settings(max_examples=max(150, settings.default.max_examples))
@given(ARRIVALS, st.integers(0, 12 * DAY_MS))
def test_a_score_is_within_0_and_100_and_its_contributions_add_up(every_kind, start, event, arrivals, later):
    state = scored(every_kind, start, event, *arrivals)
    every_kind.evaluate(state, start)
    health = every_kind.health(state, start + later)
    if health.score is None:
        assert not arrivals
    else:
        assert 0 <= health.score <= 100
        assert sum(centi(c.points) for c in health.contributions) == centi(health.score)
        assert sum(c.weight for c in health.contributions) == pytest.approx(1)
    assert every_kind.decode("acme", every_kind.encode(state)) == state


def test_a_step_splits_exactly_into_passing_time_and_behaviour(small, start, event):
    # 9 logins and seen now: (3 * 90 + 100) / 4 = 92.5, green.
    state = scored(small, start, event, *[("Login", 0, {})] * 9)
    first = small.evaluate(state, start)
    assert (first.zone_before, first.zone) == (None, Zone.GREEN)
    # A week later the logins are gone and recency is 50: 50 / 4 = 12.5. But somebody came by and answered 5:
    # (3 * 0 + 100 + 50) / 5 = 30.
    later = start + 7 * DAY_MS
    small.apply(state, event("NPS", later, score=5), later, b"12345678")
    second = small.evaluate(state, later)
    assert (second.zone_before, second.zone) == (Zone.GREEN, Zone.RED)
    receipt = small.receipt(state, second, later)
    assert (receipt.change.before, receipt.change.after) == (92.5, 30.0)
    assert receipt.change.parts == {Cause.PASSING_TIME: -80.0, Cause.BEHAVIOUR: 17.5}
    assert main_cause(second.step, second.zone_before, second.zone, touched=True) is Cause.PASSING_TIME
    # The evaluation in force when the five-day period began is the one a receipt compares with.
    assert (receipt.reference_score, receipt.score) == (92.5, 30.0)
    assert [(c.value_before, c.value) for c in receipt.contributions] == [(9, 0), (0, 0), (None, 5)]
    assert [(c.points_before, c.points) for c in receipt.contributions] == [(67.5, 0), (25, 20), (0, 10)]


def test_after_a_change_of_the_model_the_step_has_a_part_of_its_own(small, small_text, start, event):
    state = scored(small, start, event, *[("Login", 0, {})] * 6)
    small.evaluate(state, start)  # (3 * 60 + 100) / 4 = 70
    stricter = Scorer(load_model(small_text.replace("[10, 100]]}}]\n    recency", "[30, 100]]}}]\n    recency")))
    assert stricter.model.state_hash == small.model.state_hash
    again = stricter.decode("acme", small.encode(state))
    # By the new model it was (3 * 20 + 100) / 4 = 40; 84 hours later recency is 70.71, so 32.68 (32.6775).
    moved = stricter.evaluate(again, start + 84 * HOUR_MS)
    receipt = stricter.receipt(again, moved, start + 84 * HOUR_MS)
    assert receipt.change.parts == {Cause.CHANGED_MODEL: -30.0, Cause.PASSING_TIME: -7.32}
    assert main_cause(moved.step, moved.zone_before, moved.zone, touched=False) is Cause.CHANGED_MODEL
    assert again.scored_by == short_hash(stricter.model.score_hash)


@pytest.mark.parametrize(
    ("step", "zones", "touched", "cause"),
    [
        ((50, 50, 45, 30), (Zone.YELLOW, Zone.RED), True, Cause.BEHAVIOUR),  # -5 and -15
        ((50, 50, 35, 30), (Zone.YELLOW, Zone.RED), True, Cause.PASSING_TIME),  # -15 and -5
        ((50, 50, 20, 30), (Zone.YELLOW, Zone.RED), True, Cause.PASSING_TIME),  # -30 and +10: only one goes down
        ((50, 20, 20, 30), (Zone.YELLOW, Zone.RED), True, Cause.CHANGED_MODEL),
        ((30, 30, 30, 30), (Zone.YELLOW, Zone.RED), False, Cause.PASSING_TIME),  # a hold ended
        ((30, 30, 28, 35), (Zone.YELLOW, Zone.RED), True, Cause.PASSING_TIME),  # a hold ended while the score rose
        ((None, None, None, 30), (None, Zone.RED), True, Cause.BEHAVIOUR),  # the first score
        ((None, None, None, 30), (None, Zone.RED), False, Cause.PASSING_TIME),
        ((30, 30, None, None), (Zone.RED, None), False, Cause.PASSING_TIME),  # grown stale
        ((30, 30, 30, None), (Zone.RED, None), True, Cause.BEHAVIOUR),  # churned
        ((30, 30, None, 50), (Zone.RED, Zone.YELLOW), True, Cause.BEHAVIOUR),
    ],
)
def test_the_cause_is_the_largest_part_in_the_direction_of_the_change(step, zones, touched, cause):
    before, rescored, aged, after = (None if part is None else part * 100 for part in step)
    split = split_step(before, after, Stations(before, rescored, rescored, aged, after))
    if split.before is not None and split.after is not None:
        assert sum(split.parts.values()) == split.after - split.before
    assert main_cause(split, *zones, touched=touched) is cause
