"""How well a number ranks those who left ahead of those who stayed. Pure, without dependencies."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from math import ceil, nan


def auc(left: Sequence[bool], risk: Sequence[float]) -> float:
    """Area under the ROC curve: how often one who left had the higher risk than one who stayed; a tie is half a win.

    The Mann-Whitney statistic with mid-ranks. NaN where nobody left, or everybody did.
    """
    return Ranks(left, risk).auc([1] * len(left))


class Ranks:
    """Observations in the order of their risk, to be counted again and again (a bootstrap)."""

    def __init__(self, left: Sequence[bool], risk: Sequence[float]) -> None:
        order = sorted(range(len(risk)), key=risk.__getitem__)
        self._ties = [list(group) for _, group in groupby(order, key=risk.__getitem__)]
        self._left = left

    def auc(self, times: Sequence[int]) -> float:
        """With observation i counted `times[i]` times. Exact: half-integers, divided once."""
        left = self._left
        half_wins = positives = negatives = 0
        for tie in self._ties:
            lost = kept = 0
            for i in tie:
                if left[i]:
                    lost += times[i]
                else:
                    kept += times[i]
            half_wins += lost * (2 * negatives + kept)
            positives += lost
            negatives += kept
        return half_wins / 2 / (positives * negatives) if positives and negatives else nan


def average_precision(left: Sequence[bool], risk: Sequence[float]) -> float:
    """Mean precision over those who left, riskiest first; all of one risk come in together. NaN where nobody left.

    Sum over the thresholds of (recall - recall before) x precision, as scikit-learn has it. The base rate is chance.
    """
    positives = sum(left)
    if not positives:
        return nan
    order = sorted(range(len(risk)), key=lambda i: -risk[i])
    seen = hits = 0
    total = 0.0
    for _, group in groupby(order, key=risk.__getitem__):
        tie = list(group)
        found = sum(left[i] for i in tie)
        seen += len(tie)
        hits += found
        total += found / positives * (hits / seen)
    return total


def top_lift(left: Sequence[bool], risk: Sequence[float], share: float = 0.1) -> float:
    """Churn rate among the riskiest `share`, over that of all. Ties at the boundary count pro rata. NaN where nobody left."""
    count = len(left)
    if not sum(left):
        return nan
    top = share * count
    order = sorted(range(count), key=lambda i: -risk[i])
    boundary = risk[order[ceil(top) - 1]]
    above = [left[i] for i in order if risk[i] > boundary]
    tied = [left[i] for i in order if risk[i] == boundary]
    return ((sum(above) + sum(tied) * (top - len(above)) / len(tied)) / top) / (sum(left) / count)


def quantile(values: Sequence[float], share: float) -> float:
    """With straight lines between the values; NaN where there are none."""
    ordered = sorted(values)
    if not ordered:
        return nan
    at = (len(ordered) - 1) * share
    low = int(at)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (at - low)
