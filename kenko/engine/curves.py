"""Curves: from a value to its health, 0 to 10,000 hundredths."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from math import floor

from kenko.model.limits import DAY_MS
from kenko.model.spec import Curve, HalfLife, Points

FULL = 10_000
"""Health 100, in hundredths."""


def curve_health(curve: Curve) -> Callable[[float], int]:
    """The curve as a function: hundredths, rounded half up. A half-life takes days."""
    if isinstance(curve, HalfLife):
        half_life_days = curve.half_life_ms / DAY_MS
        return lambda days: floor(FULL * 2.0 ** (-max(0.0, days) / half_life_days) + 0.5)
    return _lines(curve)


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
