"""Judged: the figures of the new model on accounts it has not seen, beside what else there is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kenko.backtest.calibration.baseline import logistic_regression
from kenko.backtest.calibration.figures import auc, brier, top_decile_lift
from kenko.backtest.calibration.measures import engine_scores
from kenko.backtest.calibration.samples import Flags, Numbers, Samples
from kenko.model import HealthModel


@dataclass(frozen=True)
class Ranking:
    """How well something ranks."""

    auc: float
    top_decile_lift: float


@dataclass(frozen=True)
class Reliability:
    """One bin of accounts of much the same probability."""

    foretold: float
    came: float
    count: int


@dataclass(frozen=True)
class Judgement:
    """Figures over observations that were not learnt from: every 30 days, left within 30 days."""

    accounts: int
    observations: int
    positives: int
    unscored: int
    """Observations without a score (new, unknown): left out, as in every figure of scores."""
    calibrated: Ranking
    logistic_regression: Ranking
    before: Ranking
    """The model as it was."""
    later_observations: int
    """Those watched for the whole time the probability speaks of."""
    later_positives: int
    brier: float
    brier_base_rate: float
    """Of foretelling for everybody the rate that came."""
    brier_logistic_regression: float
    reliability: tuple[Reliability, ...]
    left: Flags
    """By observation, for the plot, with the risks below."""
    risk_calibrated: Numbers
    risk_logistic_regression: Numbers
    risk_before: Numbers


def judge(  # noqa: PLR0913 - what is compared
    before: HealthModel, after: HealthModel, samples: Samples, values: Numbers, *, learnt: Flags, held: Flags
) -> Judgement:
    """Scores are the engine's own, of the models as they are written, to the hundredth.

    Args:
        before: the model as it was.
        after: the model as it was fitted.
        samples: of all accounts.
        values: of the inputs, by sample.
        learnt: samples of the accounts that were learnt from.
        held: samples of the others.
    """
    asked = held & samples.is_judged
    new, old = engine_scores(after, samples, asked), engine_scores(before, samples, asked)
    seen = asked & new.is_scored & old.is_scored
    shown = learnt & samples.is_judged
    left = samples.left[seen]
    regression = _regression(values, samples.left, shown, seen)
    later = seen & samples.is_known_later
    left_later = samples.left_later[later]
    regression_later = _regression(values, samples.left_later, shown & samples.is_known_later, later)
    probability = new.probability[later]
    rate = float(left_later.mean()) if len(left_later) else float("nan")
    return Judgement(
        accounts=len(np.unique(samples.accounts[asked])),
        observations=int(seen.sum()),
        positives=int(left.sum()),
        unscored=int(asked.sum() - seen.sum()),
        calibrated=_ranking(left, 100 - new.score[seen]),
        logistic_regression=_ranking(left, regression),
        before=_ranking(left, 100 - old.score[seen]),
        later_observations=int(later.sum()),
        later_positives=int(left_later.sum()),
        brier=brier(left_later, probability),
        brier_base_rate=brier(left_later, np.full(len(left_later), rate)),
        brier_logistic_regression=brier(left_later, 1 / (1 + np.exp(-regression_later))),
        reliability=reliability(left_later, probability),
        left=left,
        risk_calibrated=100 - new.score[seen],
        risk_logistic_regression=regression,
        risk_before=100 - old.score[seen],
    )


def reliability(left: Flags, probability: Numbers, bins: int = 8) -> tuple[Reliability, ...]:
    """Bins of as many observations each, from the lowest probability to the highest."""
    order = np.argsort(probability, kind="stable")
    return tuple(
        Reliability(float(probability[part].mean()), float(left[part].mean()), len(part))
        for part in np.array_split(order, bins)
        if len(part)
    )


def _ranking(left: Flags, risk: Numbers) -> Ranking:
    return Ranking(auc(left, risk), top_decile_lift(left, risk))


def _regression(values: Numbers, left: Flags, shown: Flags, asked: Flags) -> Numbers:
    if left[shown].all() or not left[shown].any():
        return np.zeros(int(asked.sum()))
    return logistic_regression(values[shown], left[shown], values[asked])
