"""A step splits exactly, whatever lay on the way."""

from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.causes import Stations, Step, main_cause, rule_cause, split_step
from schemas.health import Zone
from schemas.transition import Cause

scores = st.integers(0, 10_000)
maybe = st.none() | scores


@given(maybe, maybe, maybe, maybe, maybe, maybe, maybe)
def test_the_parts_add_up_to_the_step(before, after, start, rescored, completed, aged, end):
    step = split_step(before, after, Stations(start, rescored, completed, aged, end))
    if before is None or after is None:
        assert step.parts == {}
    else:
        assert sum(step.parts.values()) == after - before
        assert all(step.parts.values()), "a part of 0 is left out"


def test_each_part_is_the_way_between_two_stations():
    step = split_step(5000, 4000, Stations(5000, 5100, 4900, 4500, 4600))
    assert step.parts == {
        Cause.CHANGED_MODEL: 100,
        Cause.LATE_DATA: -200,
        Cause.PASSING_TIME: -400,
        Cause.BEHAVIOUR: 100,
        Cause.OVERRIDE: -600,
    }


def test_an_override_that_ends_is_told_apart_from_what_happened_meanwhile():
    step = split_step(9000, 3000, Stations(3500, 3500, 3500, 3500, 3000))
    assert step.parts == {Cause.BEHAVIOUR: -500, Cause.OVERRIDE: -5500}
    assert main_cause(step, Zone.GREEN, Zone.RED, touched=True) is Cause.OVERRIDE


def test_without_any_data_an_override_is_all_there_is():
    assert split_step(3000, 8000, Stations(None, None, None, None, None)).parts == {Cause.OVERRIDE: 5000}


def test_the_cause_of_a_rule_is_the_largest_part_in_the_direction_of_the_step():
    step = Step(5000, 4000, {Cause.BEHAVIOUR: 500, Cause.PASSING_TIME: -1200, Cause.LATE_DATA: -300})
    assert rule_cause(step, touched=True) is Cause.PASSING_TIME
    assert rule_cause(Step(5000, 5000, {}), touched=True) is Cause.BEHAVIOUR
    assert rule_cause(Step(None, 5000, {}), touched=False) is Cause.PASSING_TIME
