"""What a calibration puts into a model, as values. Plain Python: the writer of the file needs no numbers package."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Pairs = tuple[tuple[float, float], ...]
"""Points of a line, the first coordinate rising."""


class Verdict(StrEnum):
    """What history said about an input."""

    FITTED = "fitted"
    TURNED = "turned"
    """Fitted, and the curve no longer goes only the way the model had it: history says otherwise."""
    NO_EFFECT = "no effect"
    """It says nothing the other inputs do not say. It keeps its curve and the least weight."""
    NO_DATA = "no data"
    """It never had a value, or always the same: it keeps its curve, and its proportion to the others of its group."""


@dataclass(frozen=True)
class FittedInput:
    """One input after the fit."""

    group: str
    signal: str
    weight: float
    """Percent of the score, when every input has data."""
    points: Pairs | None
    """(value, health); None: the curve stays as it is."""
    verdict: Verdict
    share_before: float
    """Percent of the score it had."""
