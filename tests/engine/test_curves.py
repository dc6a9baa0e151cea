from __future__ import annotations

import pytest

from kenko.engine.curves import curve_health
from kenko.engine.signals.recency import RecencyKind, grain_ms
from kenko.engine.signals.windows import bucket_size_ms
from kenko.model.score_spec import HalfLife, Points, Step, Steps

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.mark.parametrize(
    ("value", "health"),
    [
        (-5, 10_00),  # flat before the first point
        (0, 10_00),
        (1, 30_00),  # on a line
        (1.5, 40_00),
        (2, 50_00),  # a point belongs to both lines
        (2.0001, 49_99),  # 50 - 0.005 = 49.995, rounded half up to 50.00 but for the float below it
        (3, 0),
        (1e12, 0),  # flat after the last
    ],
)
def test_points(value, health):
    curve = curve_health(Points(points=((0, 10), (2, 50), (3, 0))))
    assert abs(curve(value) - health) <= (1 if value == 2.0001 else 0)


@pytest.mark.parametrize(
    ("days", "health"),
    [(-1, 100_00), (0, 100_00), (7, 50_00), (14, 25_00), (21, 12_50), (3.5, 70_71), (7 * 14, 1), (7 * 15, 0)],
)
def test_half_life(days, health):
    assert curve_health(HalfLife(half_life_ms=7 * DAY_MS))(days) == health


@pytest.mark.parametrize(
    ("value", "health"),
    [
        (-1e12, 100_00),
        (2.999999, 100_00),
        (3, 60_00),  # lt: the edge lies in the next step
        (8, 60_00),  # lte: the edge lies in this one
        (8.000001, 12_35),
        (20, 0),
        (1e12, 0),
    ],
)
def test_steps_say_on_which_side_an_edge_lies(value, health):
    edges = (Step(3, False, 100), Step(8, True, 60), Step(20, False, 12.345), Step(None, False, 0))
    assert curve_health(Steps(edges))(value) == health


def test_steps_without_an_open_end_go_on_with_the_last():
    curve = curve_health(Steps((Step(1, False, 10), Step(2, True, 20))))
    assert [curve(value) for value in (0.5, 1, 2, 3)] == [10_00, 20_00, 20_00, 20_00]


@pytest.mark.parametrize(
    ("window_ms", "bucket_ms"),
    [
        (HOUR_MS, 120_000),  # 30 buckets
        (24 * HOUR_MS, 30 * 60_000),  # 48
        (7 * DAY_MS, 6 * HOUR_MS),  # 28
        (28 * DAY_MS, DAY_MS),  # 28
        (27 * DAY_MS, 12 * HOUR_MS),
        (365 * DAY_MS, DAY_MS),  # never above a day
    ],
)
def test_buckets_are_a_28th_of_the_window_or_a_little_less(window_ms, bucket_ms):
    assert bucket_size_ms(window_ms) == bucket_ms
    assert DAY_MS % bucket_ms == 0


@pytest.mark.parametrize(
    ("span_ms", "grain"),
    [(HOUR_MS, HOUR_MS), (7 * DAY_MS, 6 * HOUR_MS), (28 * DAY_MS, DAY_MS), (365 * DAY_MS, DAY_MS), (0, HOUR_MS)],
)
def test_recency_counts_in_steps_of_a_28th(span_ms, grain):
    assert grain_ms(span_ms) == grain


def test_recency_moves_once_a_step_until_nothing_can_move():
    kind = RecencyKind(0, HOUR_MS, 2.5 * HOUR_MS)
    seen = 1000 * HOUR_MS
    assert kind.advance(None, seen) == (None, None)
    assert kind.advance(seen, seen - 5) == (0, seen + HOUR_MS)  # ahead of now counts as now
    assert kind.advance(seen, seen) == (0, seen + HOUR_MS)
    assert kind.advance(seen, seen + HOUR_MS - 1) == (0, seen + HOUR_MS)
    assert kind.advance(seen, seen + HOUR_MS) == (1, seen + 2 * HOUR_MS)
    assert kind.advance(seen, seen + 3 * HOUR_MS) == (3, seen + 4 * HOUR_MS)
    assert kind.advance(seen, seen + 4 * HOUR_MS) == (4, None)
