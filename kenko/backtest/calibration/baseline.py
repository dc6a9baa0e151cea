"""A plain logistic regression on the same inputs: what a calibrated model is measured against."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kenko.backtest.calibration.samples import Flags, Numbers


def logistic_regression(values: Numbers, left: Flags, judged: Numbers) -> Numbers:
    """Log odds of leaving for the `judged`, learnt from the others.

    Features: log(1 + value), standardised; where there is no data the median, and a feature that says so.
    """
    middle = np.array([np.median(known) if len(known := column[~np.isnan(column)]) else 0.0 for column in values.T])
    machine = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    machine.fit(_features(values, middle), left)
    result: Numbers = machine.decision_function(_features(judged, middle))
    return result


def _features(values: Numbers, middle: Numbers) -> Numbers:
    filled = np.where(np.isnan(values), middle, values)
    return np.hstack([np.sign(filled) * np.log1p(np.abs(filled)), np.isnan(values)])
