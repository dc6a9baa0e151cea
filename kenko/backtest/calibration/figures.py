"""Figures by which scores and probabilities are judged, on arrays. Definitions as in docs/backtest.md."""

from __future__ import annotations

from math import ceil

import numpy as np

from kenko.backtest.calibration.samples import Flags, Numbers


def auc(left: Flags, risk: Numbers) -> float:
    """How often one that left ranks above one that stayed; ties count half. NaN where there is only one kind."""
    positives = int(left.sum())
    negatives = len(left) - positives
    if not positives or not negatives:
        return float("nan")
    _, place, counts = np.unique(risk, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    above = float(middle[place[left]].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def top_decile_lift(left: Flags, risk: Numbers) -> float:
    """Rate of leaving among the riskiest tenth over the rate of all; a tie at the edge counts in part."""
    rate = float(left.mean()) if len(left) else 0.0
    if not rate:
        return float("nan")
    size = len(left) / 10
    edge = np.sort(risk)[::-1][ceil(size) - 1]
    above, tied = risk > edge, risk == edge
    found = float(left[above].sum()) + float(left[tied].mean()) * (size - int(above.sum()))
    return found / size / rate


def brier(left: Flags, probability: Numbers) -> float:
    """Mean square of what was foretold less what came. 0 is perfect."""
    return float(np.mean((probability - left) ** 2)) if len(left) else float("nan")
