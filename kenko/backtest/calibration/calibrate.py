"""Calibrate: from a model and a labelled history to the model's text with other weights, curves and probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kenko.backtest.calibration.errors import CalibrationError
from kenko.backtest.calibration.figures import auc, top_decile_lift
from kenko.backtest.calibration.fit import Given
from kenko.backtest.calibration.fitted import FittedInput, Pairs
from kenko.backtest.calibration.halves import Halves
from kenko.backtest.calibration.judged import Judgement, Ranking, Reliability, judge, reliability
from kenko.backtest.calibration.learning import Learnt, Task, learn
from kenko.backtest.calibration.measures import Scores, engine_scores, input_values, inputs_of, without_caps
from kenko.backtest.calibration.probability import probability_line, read_off
from kenko.backtest.calibration.ramps import direction
from kenko.backtest.calibration.rewrite import Draft, with_calibration, with_inputs, with_zones, without_written_caps
from kenko.backtest.calibration.samples import Flags, Numbers, Report, Samples
from kenko.backtest.calibration.scale import Scale, anchored, fitted_inputs
from kenko.backtest.calibration.shapes import Shape
from kenko.engine.curves import curve_health
from kenko.model import HealthModel

FEWEST_LEAVERS = 10
"""Fewer accounts that left teach nothing."""
FEW_LEAVERS = 30
"""Fewer teach little."""
_CAPS_COST = 0.005
"""From this loss of AUC on, caps are said to do harm."""


@dataclass(frozen=True)
class Wishes:
    """What the caller may choose."""

    within_ms: int
    shape: Shape = Shape.AUTO
    seed: int = 0
    red_share: float = 0.1
    """The red boundary cuts off this share of observations, the riskiest."""
    yellow_share: float = 0.3
    """And the yellow one this share, red among them."""
    drop_caps: bool = False


@dataclass(frozen=True)
class Calibrated:
    """The outcome."""

    draft: Draft
    inputs: tuple[FittedInput, ...]
    line: Pairs
    accounts: int
    """Learnt from."""
    leavers: int
    cross_validated: Ranking
    """Of the fit on accounts of the learnt half that it had not seen, weekly observations."""
    cross_validated_reliability: tuple[Reliability, ...]
    caps_cost: float
    """What the caps take off the AUC, among those learnt from. Negative: they add to it."""
    red_share: float
    """Of the observations learnt from, by the new model with its caps; without its hold."""
    red_share_before: float
    judgement: Judgement | None
    """None: no account was held out."""
    warnings: tuple[str, ...]


def calibrate(before: Draft, samples: Samples, halves: Halves, wishes: Wishes, report: Report) -> Calibrated:
    """Fit, write and judge.

    Raises:
        CalibrationError: nothing to fit, or too few that left.
    """
    model = before.model
    mine = samples.of(set(halves.learnt))
    learnt_on = mine & samples.is_learnt
    leavers = _leavers(samples, learnt_on)
    warnings = _warned(model, leavers)
    report(0.0, "measuring")
    values = input_values(model, samples)
    task = _task(model, samples, values, learnt_on)
    learnt = learn(task, wishes.shape, seed=wishes.seed, report=lambda share: report(share, "fitting"))
    report(0.0, "scoring")
    judged = mine & samples.is_judged
    after, inputs = _written(before, samples, judged, learnt, task, wishes, warnings)
    report(0.3, "scoring")
    plain = engine_scores(without_caps(after.model), samples, learnt_on, with_new=True)
    capped = plain if not after.model.base.caps else engine_scores(after.model, samples, learnt_on, with_new=True)
    caps_cost = _caps_cost(samples, learnt_on, plain, capped)
    if caps_cost > _CAPS_COST:
        warnings.append(f"The caps take {caps_cost:.3f} off the AUC: look at them, or run again with --drop-caps.")
    unseen = _unseen(plain.score[learnt_on], capped.score[learnt_on], learnt.foretold)
    report(0.6, "scoring")
    known = samples.is_known_later[learnt_on] & ~np.isnan(unseen)
    if not known.any():
        raise CalibrationError("No account was watched long enough to say how likely it is to leave: shorten --within.")
    later = samples.left_later[learnt_on][known]
    line = probability_line(unseen[known], later)
    accounts = len(np.unique(samples.accounts[learnt_on]))
    comment = f"Fitted by kenko calibrate: {accounts} accounts, of which {leavers} left; seed {wishes.seed}."
    after = with_calibration(after, line, wishes.within_ms, comment)
    held = ~mine
    judgement = judge(model, after.model, samples, values, learnt=mine, held=held) if halves.held else None
    report(1.0, "scoring")
    return Calibrated(
        draft=after,
        inputs=tuple(inputs),
        line=line,
        accounts=accounts,
        leavers=leavers,
        cross_validated=Ranking(auc(task.left, learnt.foretold), top_decile_lift(task.left, learnt.foretold)),
        cross_validated_reliability=reliability(later, read_off(line, unseen[known])),
        caps_cost=caps_cost,
        red_share=_red_share(after.model, samples, judged),
        red_share_before=_red_share(model, samples, judged),
        judgement=judgement,
        warnings=tuple(warnings),
    )


def _leavers(samples: Samples, among: Flags) -> int:
    return len(np.unique(samples.accounts[among & samples.left]))


def _warned(model: HealthModel, leavers: int) -> list[str]:
    if not inputs_of(model):
        raise CalibrationError("The model has no input: there is nothing to fit.")
    if leavers < FEWEST_LEAVERS:
        raise CalibrationError(
            f"Only {leavers} of the accounts to learn from left while they counted (28 days old, watched for 30 more);"
            f" {FEWEST_LEAVERS} is the least, {FEW_LEAVERS} or more is better."
        )
    warnings: list[str] = []
    if leavers < FEW_LEAVERS:
        warnings.append(f"Only {leavers} accounts left: the weights are a guess. Keep them under review.")
    warnings += [
        f"The profile {profile.name} changes weights or curves by itself: those were not fitted."
        for profile in model.profiles
        if profile.policy.groups != model.base.groups
    ]
    return warnings


def _task(model: HealthModel, samples: Samples, values: Numbers, learnt_on: Flags) -> Task:
    inputs = [item for _, item in inputs_of(model)]
    weights = [
        group.weight * item.weight / sum(i.weight for i in group.inputs)
        for group in model.base.groups
        for item in group.inputs
    ]
    given = [
        Given(curve_health(item.curve), weight / sum(weights), item.missing)
        for item, weight in zip(inputs, weights, strict=True)
    ]
    return Task(
        values=values[learnt_on],
        left=samples.left[learnt_on],
        accounts=samples.accounts[learnt_on],
        weight=samples.learnt_weight,
        groups=[group for group, _ in inputs_of(model)],
        inputs=given,
        directions=[direction(item.curve) for item in inputs],
    )


def _written(  # noqa: PLR0913, PLR0917 - what a text is made from
    before: Draft,
    samples: Samples,
    judged: Flags,
    learnt: Learnt,
    task: Task,
    wishes: Wishes,
    warnings: list[str],
) -> tuple[Draft, list[FittedInput]]:
    """The model with weights, curves and zones; on the scale that keeps the red boundary."""
    names = [(group, item.signal) for group, item in inputs_of(before.model)]
    version = before.model.version + 1
    if wishes.drop_caps:
        before = without_written_caps(before)
    full = fitted_inputs(learnt, names, task.directions, task.shares, Scale())
    wide = with_inputs(before, full, version)
    red = before.model.base.zones.red.below
    boundary = _quantile(engine_scores(without_caps(wide.model), samples, judged, with_new=True), wishes.red_share)
    inputs = fitted_inputs(learnt, names, task.directions, task.shares, anchored(boundary, min(max(red, 1.0), 99.0)))
    after = with_inputs(before, inputs, version)
    scores = engine_scores(without_caps(after.model), samples, judged, with_new=True)
    yellow = min(float(round(_quantile(scores, wishes.yellow_share))), 98.0)
    # A third of the way from red to yellow: on a narrower scale the old margin would hold an account in red for ever.
    margin = max(1.0, round((yellow - red) / 3, 1))
    try:
        return with_zones(after, yellow, margin), inputs
    except CalibrationError:
        warnings.append(
            "Where yellow begins and zones clear stayed as it was: a profile does not go with what was found."
        )
        return after, inputs


def _quantile(scores: Scores, share: float) -> float:
    known = scores.score[scores.is_scored]
    if not len(known):
        return 50.0
    return float(min(max(np.quantile(known, share), 1.0), 99.0))


def _unseen(plain: Numbers, capped: Numbers, foretold: Numbers) -> Numbers:
    """Scores as if each account had been unknown: those of the fits that had not seen it, on the scale of the model."""
    known = ~np.isnan(plain)
    spread = np.std(foretold[known])
    if not known.any() or spread == 0:
        return capped
    middle = np.mean(foretold[known])
    slope = -float(np.std(plain[known]) / spread)
    score: Numbers = np.clip(np.mean(plain[known]) + slope * (foretold - middle), 0.0, 100.0)
    return np.where(known, np.where(capped < plain, np.minimum(score, capped), score), np.nan)


def _caps_cost(samples: Samples, among: Flags, plain: Scores, capped: Scores) -> float:
    if plain is capped:
        return 0.0
    seen = among & plain.is_scored & capped.is_scored
    left = samples.left[seen]
    return auc(left, -plain.score[seen]) - auc(left, -capped.score[seen])


def _red_share(model: HealthModel, samples: Samples, judged: Flags) -> float:
    scores = engine_scores(model, samples, judged)
    known = scores.score[scores.is_scored]
    return float(np.mean(known < model.base.zones.red.below)) if len(known) else 0.0
