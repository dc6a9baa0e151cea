from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.zoning import NO_ZONE, ZoneRule, ZoneState
from kenko.model.score_spec import Boundary, Zones
from schemas.health import Zone

MINUTE_MS = 60_000
RED, YELLOW, GREEN = Zone.RED, Zone.YELLOW, Zone.GREEN


def rule(red_for=0, yellow_for=0):
    return ZoneRule(Zones(red=Boundary(40, 45, red_for), yellow=Boundary(70, 74, yellow_for)))


@pytest.mark.parametrize(
    ("before", "score", "after"),
    [
        (None, 39.99, RED),
        (None, 40, YELLOW),  # below is strict
        (None, 69.99, YELLOW),
        (None, 70, GREEN),
        (GREEN, 70, GREEN),
        (GREEN, 69.99, YELLOW),
        (GREEN, 39.99, RED),  # past yellow at one step
        (YELLOW, 40, YELLOW),
        (YELLOW, 39.99, RED),
        (YELLOW, 74, YELLOW),  # above is strict
        (YELLOW, 74.01, GREEN),
        (RED, 45, RED),
        (RED, 45.01, YELLOW),
        (RED, 74, YELLOW),  # out of red, and yellow's margin holds too
        (RED, 74.01, GREEN),
    ],
)
def test_boundaries_and_margins(before, score, after):
    state = rule().decide(ZoneState(before, None, None), round(score * 100), 0, in_grace=False)
    assert state.zone is after


def walk(zones, steps, *, in_grace=False):
    """Zones after each (minute, score)."""
    state, found = NO_ZONE, []
    for minute, score in steps:
        state = zones.decide(state, round(score * 100), minute * MINUTE_MS, in_grace=in_grace)
        found.append(state.zone)
    return found


def test_a_hold_must_be_without_a_break():
    zones = rule(red_for=60 * MINUTE_MS)
    steps = [
        (0, 80),
        (1, 30),
        (60, 30),
        (61, 30),
        (62, 50),
        (90, 90),
        (100, 30),
        (130, 40),
        (131, 30),
        (190, 30),
        (191, 30),
    ]
    assert walk(zones, steps) == [GREEN, YELLOW, YELLOW, RED, YELLOW, GREEN, YELLOW, YELLOW, YELLOW, YELLOW, RED]


def test_without_a_zone_before_a_worse_one_waits_for_its_hold_and_green_does_not():
    zones = rule(red_for=60 * MINUTE_MS, yellow_for=30 * MINUTE_MS)
    assert walk(zones, [(0, 20), (29, 20), (30, 20), (60, 20)]) == [None, None, YELLOW, RED]
    assert walk(zones, [(0, 90)]) == [GREEN]
    assert walk(zones, [(0, 60), (10, 90)]) == [None, GREEN]


def test_holds_run_while_an_account_is_new():
    zones = rule(red_for=60 * MINUTE_MS)
    state = zones.decide(NO_ZONE, 2000, 0, in_grace=True)
    assert state == ZoneState(None, 0, 0)
    assert zones.decide(state, 2000, 60 * MINUTE_MS, in_grace=False).zone is RED


def test_a_better_zone_needs_no_hold():
    assert walk(rule(60 * MINUTE_MS, 60 * MINUTE_MS), [(0, 20), (60, 20), (61, 50), (62, 75)])[1:] == [
        RED,
        YELLOW,
        GREEN,
    ]


@pytest.mark.parametrize(
    ("state", "next_ms"),
    [
        (ZoneState(GREEN, None, None), None),
        (ZoneState(GREEN, 5, 3), 13),  # yellow's hold ends first
        (ZoneState(YELLOW, 5, 3), 25),
        (ZoneState(YELLOW, None, 3), None),
        (ZoneState(RED, 5, 3), None),
        (ZoneState(None, None, 3), 13),
    ],
)
def test_the_end_of_a_running_hold_is_known(state, next_ms):
    assert rule(red_for=20, yellow_for=10).next_change_ms(state) == next_ms


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 10_000)), min_size=2, max_size=60),
    st.sampled_from([0, 30 * MINUTE_MS]),
    st.sampled_from([0, 45 * MINUTE_MS]),
)
def test_no_two_transitions_within_the_margin_and_none_before_its_hold(steps, red_for, yellow_for):
    zones = rule(red_for, yellow_for)
    minute, state = 0, NO_ZONE
    entered: dict[Zone, int] = {}
    for wait, score in steps:
        minute += wait
        before, state = state, zones.decide(state, score, minute * MINUTE_MS, in_grace=False)
        if state.zone is before.zone:
            continue
        if state.zone is RED:
            assert score < 4000
            assert minute * MINUTE_MS - state.red_since_ms >= red_for
            entered[RED] = score
        elif before.zone is RED:
            assert score - entered[RED] > 500, "left red without crossing the margin"
        if before.zone is YELLOW and state.zone is GREEN:
            assert score > 7400
        if before.zone is GREEN:
            assert score < 7000
