"""A trusted contract is the validated one, made faster."""

import random
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.base import trusted
from schemas.health import Contribution, ScoreUpdate, Standing, Zone
from schemas.transition import AccountFacts, Cause, Receipt, RuleKind, ScoreChange, Transition

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.datetimes(timezones=st.just(UTC))
IDS = st.text("abcö-._ 1", min_size=1, max_size=20).filter(lambda text: text == text.strip())
POINTS = st.integers(-10_000, 10_000).map(lambda centi: centi / 100)
FACTS = st.fixed_dictionaries(
    {
        "name": st.none() | TEXT,
        "owner": st.none() | TEXT,
        "plan": st.none() | TEXT,
        "seats": st.none() | NUMBERS,
        "mrr": st.none() | NUMBERS,
        "touch": st.none() | TEXT,
        "lifecycle": st.none() | TEXT,
        "renewal_date": st.none() | TIMES,
        "parent": st.none() | TEXT,
    }
)


@st.composite
def contributions(draw, points):
    return {
        "group": draw(TEXT),
        "signal": draw(TEXT),
        "label": draw(TEXT),
        "value": draw(st.none() | NUMBERS),
        "unit": draw(TEXT),
        "health": draw(st.none() | NUMBERS),
        "weight": draw(st.floats(0, 1)),
        "points": points,
        "value_before": draw(st.none() | NUMBERS),
        "points_before": draw(st.none() | POINTS),
        "note": draw(st.none() | TEXT),
    }


@st.composite
def transitions(draw):
    """The values of a transition, of its receipt, of its change and of its contributions, by class."""
    points = draw(st.lists(st.integers(-5000, 5000), max_size=4))
    after, before = sum(points), draw(st.none() | st.integers(0, 10_000))
    parts = {} if before is None else {draw(st.sampled_from(Cause)): (after - before) / 100}
    change = {"before": None if before is None else before / 100, "after": after / 100, "parts": parts}
    receipt = {
        "score": after / 100,
        "standing": draw(st.sampled_from(Standing)),
        "reference_time": draw(st.none() | TIMES),
        "reference_score": draw(st.none() | POINTS),
        "last_seen": draw(st.none() | TIMES),
    }
    transition = {
        "id": draw(TEXT),
        "account_id": draw(IDS),
        "rule": draw(TEXT),
        "model": draw(TEXT),
        "score_hash": draw(TEXT),
        "from_zone": draw(st.none() | st.sampled_from(Zone)),
        "to_zone": draw(st.none() | st.sampled_from(Zone)),
        "time": draw(TIMES),
        "partition": draw(st.integers(0, 99)),
        "offset": draw(st.integers(0, 2**62)),
        "cause": draw(st.sampled_from(Cause)),
        "active": draw(st.none() | st.booleans()),
        "kind": draw(st.sampled_from(RuleKind)),
        "label": draw(TEXT),
        "profile": draw(st.none() | TEXT),
        "backfill": draw(st.booleans()),
    }
    return transition, receipt, change, [draw(contributions(p / 100)) for p in points], draw(FACTS)


def validated(cls, **values):
    return cls(**values)


def built(make, parts):
    transition, receipt, change, items, facts = parts
    contributions = tuple(make(Contribution, **item) for item in items)
    receipt = {**receipt, "contributions": contributions, "change": make(ScoreChange, **change)}
    return make(Transition, **transition, receipt=make(Receipt, **receipt), account=make(AccountFacts, **facts))


@given(transitions())
def test_a_trusted_contract_is_the_validated_one_and_dumps_the_same(parts):
    ours, theirs = built(trusted, parts), built(validated, parts)
    assert ours == theirs
    assert ours.model_dump_json() == theirs.model_dump_json()
    assert ours.model_dump_json(exclude_unset=True) == theirs.model_dump_json(exclude_unset=True)
    assert ours.model_copy(update={"label": "x"}) == theirs.model_copy(update={"label": "x"})
    assert ours.model_copy(deep=True) == theirs
    assert repr(ours) == repr(theirs)
    assert Transition.model_validate_json(ours.model_dump_json()) == theirs


FIELDS = {
    "account_id": "acme",
    "model": "default",
    "score_hash": "h",
    "time": None,
    "partition": 0,
    "offset": 1,
    "standing": Standing.UNKNOWN,
    "score": None,
    "zone": None,
    "churn_probability_90d": None,
}


def test_a_trusted_contract_is_frozen():
    update = trusted(ScoreUpdate, **FIELDS)
    with pytest.raises(ValidationError, match="frozen"):
        update.score = 1.0


@given(st.randoms(use_true_random=False))
def test_fields_are_dumped_as_declared_however_they_are_given(order: random.Random):
    names = list(FIELDS)
    order.shuffle(names)
    update = trusted(ScoreUpdate, **{name: FIELDS[name] for name in names})
    assert list(update.model_dump()) == list(ScoreUpdate.model_fields)


def test_a_copy_of_a_trusted_contract_leaves_the_others_as_they_are():
    one, other = trusted(ScoreUpdate, **FIELDS), trusted(ScoreUpdate, **FIELDS)
    one.model_copy().model_fields_set.clear()
    assert other.model_fields_set == set(ScoreUpdate.model_fields)


@pytest.mark.parametrize("wrong", [{"zone"}, {"churn_probability_90d"}])
def test_a_missing_field_is_named_even_one_with_a_default(wrong):
    with pytest.raises(TypeError, match=wrong.copy().pop()):
        trusted(ScoreUpdate, **{name: value for name, value in FIELDS.items() if name not in wrong})


def test_an_unknown_field_is_named():
    with pytest.raises(TypeError, match="colour"):
        trusted(ScoreUpdate, **FIELDS, colour="red")
