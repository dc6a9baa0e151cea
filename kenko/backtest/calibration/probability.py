"""Probability: from a score to how likely the account leaves, as a falling line of a few points."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from kenko.backtest.calibration.fitted import Pairs
from kenko.backtest.calibration.samples import Flags, Numbers

_QUANTILES = (0.005, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.92, 0.99)
_DIGITS = 4


def probability_line(score: Numbers, left: Flags) -> Pairs:
    """At most twelve points (score, probability), the first at 0 and the last at 100; it never rises.

    A logistic curve of the score (Platt 1999, Probabilistic outputs for support vector machines), laid through the scores
    that occur. Where leavers do not score lower, it is flat at their rate. Scores must come from fits that have not
    seen their accounts, or the probabilities are too sure of themselves.
    """
    rate = float(left.mean())
    scores = sorted({0, 100, *(round(float(at)) for at in np.quantile(score, _QUANTILES))})
    found = np.full(len(scores), rate)
    if 0 < rate < 1:
        machine = LogisticRegression(C=1e6).fit(score[:, None] / 10, left)
        if machine.coef_[0, 0] < 0:
            found = machine.predict_proba(np.array(scores, dtype=float)[:, None] / 10)[:, 1]
    falling = np.minimum.accumulate(np.round(np.clip(found, 0.0, 1.0), _DIGITS))
    return tuple((float(at), float(value)) for at, value in zip(scores, falling, strict=True))


def read_off(line: Pairs, score: Numbers) -> Numbers:
    """The probabilities of scores: straight lines between the points."""
    result: Numbers = np.interp(score, [x for x, _ in line], [y for _, y in line])
    return result
