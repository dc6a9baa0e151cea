"""Ramps: a curve with corners at a few values is a sum of ramps, one from each corner to the next.

A ramp is 0 at its unhealthy end and 1 at its healthy one; a curve that only rises, or only falls, is a sum of ramps
with no negative part. So a fit that allows no negative parts keeps the direction of a curve.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kenko.backtest.calibration.samples import Numbers
from kenko.model.score_spec import Curve, HalfLife, Points

_QUANTILES = (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)
_BESIDE_THE_ATOM = (0.05, 0.25, 0.5, 0.75, 0.95)
_ATOM = 0.2
"""From this share on one value (mostly 0) is a corner of its own, and the others are laid over the rest."""


def direction(curve: Curve) -> int:
    """1: health rises with the value. -1: it falls. 0: both, or neither."""
    if isinstance(curve, HalfLife):
        return -1
    healths = [y for _, y in curve.points] if isinstance(curve, Points) else [step.health for step in curve.steps]
    return direction_of(healths)


def direction_of(healths: Sequence[float]) -> int:
    """The same for a row of healths; 0 for a flat one."""
    steps = np.sign(np.diff(healths))
    if not steps.any():
        return 0
    return 1 if (steps >= 0).all() else -1 if (steps <= 0).all() else 0


def corners(values: Numbers) -> list[float]:
    """At most seven values between which the curve is a straight line: quantiles, rounded to two digits.

    Fewer than two: there is nothing to learn, for there is no value or always the same.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return []
    distinct, counts = np.unique(known, return_counts=True)
    atom = distinct[counts.argmax()]
    if counts.max() >= _ATOM * len(known):
        rest = known[known != atom]
        found = [atom, *(np.quantile(rest, _BESIDE_THE_ATOM, method="inverted_cdf") if len(rest) else ())]
    else:
        found = list(np.quantile(known, _QUANTILES, method="inverted_cdf"))
    return sorted({float(f"{value:.2g}") for value in found})


def strides(at: Sequence[float], values: Numbers) -> Numbers:
    """How far it is from each corner to the next, 1 in all: half in log(1 + value), half in accounts between them.

    A fit that is told to keep curves plain keeps them plain in this measure: the tenth login counts for more than the
    hundredth.
    """
    known = values[~np.isnan(values)]
    edges = np.asarray(at)
    logs = np.diff(np.sign(edges) * np.log1p(np.abs(edges)))
    ranks = np.diff([np.mean(known <= edge) for edge in edges]) + 1e-3
    result: Numbers = logs / logs.sum() / 2 + ranks / ranks.sum() / 2
    return result


def ramps(values: Numbers, at: Sequence[float]) -> Numbers:
    """A column from each corner to the next: 0 before it, 1 after it. NaN stays."""
    edges = np.asarray(at)
    result: Numbers = np.clip((values[:, None] - edges[:-1]) / np.diff(edges), 0.0, 1.0)
    return result
