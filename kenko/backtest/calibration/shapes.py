"""Which ways curves may go."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from kenko.backtest.calibration.fit import Basis, Fit
from kenko.backtest.calibration.samples import Numbers

AGAINST = 3.0
"""To go against the model's direction costs this much more, while it is found out which curves insist."""
_CLEAR = 0.2
"""A turn is clear from this share of the curve's own range on."""
_MATTERS = 0.02
"""And if the input has this share of all ranges."""


class Shape(StrEnum):
    """Which ways curves may go."""

    AUTO = "auto"
    """As the model has them, but for those that history clearly turns, if that foretells better."""
    MONOTONE = "monotone"
    """As the model has them: a curve that only rises goes on rising."""
    FREE = "free"
    """As history has them."""


def turned(directions: Sequence[int], basis: Basis, found: Fit) -> list[int]:
    """The directions, 0 instead for inputs that clearly go against theirs in a fit that let them."""
    curves = [
        found.healths(basis, place) if len(basis.corners[place]) > 1 else np.zeros(2)
        for place in range(len(directions))
    ]
    everything = sum(float(np.ptp(curve)) for curve in curves)
    return [
        0 if way and np.ptp(curve) > _MATTERS * everything and _fall(curve * way) > _CLEAR * np.ptp(curve) else way
        for way, curve in zip(directions, curves, strict=True)
    ]


def _fall(curve: Numbers) -> float:
    """The deepest fall below what was reached before."""
    return float(np.max(np.maximum.accumulate(curve) - curve))
