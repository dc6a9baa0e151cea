"""Curves: from a value to its health, 0 to 10,000 hundredths."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from math import floor

from kenko.model.limits import DAY_MS
from kenko.model.score_spec import Curve, HalfLife, Points, Steps

FULL = 10_000
"""Health 100, in hundredths."""


def curve_health(curve: Curve) -> Callable[[float], int]:
    """The curve as a function: hundredths, rounded half up. A half-life takes days."""
    if isinstance(curve, HalfLife):
        half_life_days = curve.half_life_ms / DAY_MS
        return lambda days: floor(FULL * 2.0 ** (-max(0.0, days) / half_life_days) + 0.5)
    return _steps(curve) if isinstance(curve, Steps) else _lines(curve)


def _steps(curve: Steps) -> Callable[[float], int]:
    steps = [(step.edge, step.is_inclusive, floor(step.health * 100 + 0.5)) for step in curve.steps]

    def health(value: float) -> int:
        for edge, is_inclusive, found in steps:
            if edge is None or value < edge or (is_inclusive and value == edge):
                return found
        return steps[-1][2]  # beyond the last edge its health goes on

    return health


def _lines(curve: Points) -> Callable[[float], int]:
    points = curve.points
    xs = [x for x, _ in points]

    def health(value: float) -> int:
        after = bisect_right(xs, value)
        if after == 0:
            return floor(points[0][1] * 100 + 0.5)
        if after == len(points):
            return floor(points[-1][1] * 100 + 0.5)
        (x0, y0), (x1, y1) = points[after - 1], points[after]
        return floor((y0 + (y1 - y0) * ((value - x0) / (x1 - x0))) * 100 + 0.5)

    return health
