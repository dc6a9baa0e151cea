"""From a score to the probability of leaving, by the straight lines that a calibration found."""

from __future__ import annotations

from bisect import bisect_right

from kenko.model.spec import Calibration

_DIGITS = 4


def churn_probability(calibration: Calibration | None, score: int | None) -> float | None:
    """The probability at `score` (hundredths), to four digits; None without calibration or score."""
    if calibration is None or score is None:
        return None
    points, value = calibration.points, score / 100
    at = bisect_right(points, value, key=lambda point: point[0])
    if at == 0:
        return round(points[0][1], _DIGITS)
    if at == len(points):
        return round(points[-1][1], _DIGITS)
    (x0, y0), (x1, y1) = points[at - 1], points[at]
    return round(y0 + (y1 - y0) * (value - x0) / (x1 - x0), _DIGITS)
