"""What a model reads in the rows: the value of each input, and the score the engine gives."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from kenko.backtest.calibration.samples import Flags, Numbers, Samples
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState
from kenko.engine.traits import number_trait
from kenko.model import HealthModel
from kenko.model.score_spec import Input, Missing
from kenko.model.signal_spec import Reference
from schemas.health import Standing

_NONE = float("nan")


def inputs_of(model: HealthModel) -> list[tuple[str, Input]]:
    """(group, input) of the base policy, in the model's order."""
    return [(group.name, item) for group in model.base.groups for item in group.inputs]


def input_values(model: HealthModel, samples: Samples) -> Numbers:
    """A line a sample, a column an input; NaN where there is no data.

    An input that counts as when it last had data gets the last value among the samples of its account.
    """
    scorer = Scorer(model)
    inputs = [item for _, item in inputs_of(model)]
    table = np.full((len(samples), len(inputs)), _NONE)
    for line, (account, time_ms, row) in enumerate(zip(samples.accounts, samples.times_ms, samples.rows, strict=True)):
        state = scorer.decode(str(account), row)
        values = scorer.values(state, int(time_ms))
        table[line] = [_value(item, values, state) for item in inputs]
    for column, item in enumerate(inputs):
        if item.missing is Missing.LAST:
            _carry(table[:, column], samples)
    return table


def _value(item: Input, values: dict[str, float | None], state: AccountState) -> float:
    value = values[item.signal]
    if value is None or item.per is None:
        return _NONE if value is None else value
    by = _referred(item.per, values, state)
    return _NONE if by is None or by <= 0 else value / by * item.scale


def _referred(reference: Reference, values: dict[str, float | None], state: AccountState) -> float | None:
    return number_trait(state, reference.name) if reference.is_trait else values[reference.name]


def _carry(column: Numbers, samples: Samples) -> None:
    newest: dict[str, float] = {}
    for line, account in enumerate(samples.accounts):
        if np.isnan(column[line]):
            column[line] = newest.get(account, _NONE)
        else:
            newest[account] = column[line]


@dataclass(frozen=True)
class Scores:
    """What the engine says of samples. Lines of those left out are NaN."""

    score: Numbers
    """NaN: none, or none that counts yet (new, unknown, churned)."""
    probability: Numbers
    """That the account leaves; NaN: the model is not calibrated."""

    @property
    def is_scored(self) -> Flags:
        return ~np.isnan(self.score)


def engine_scores(model: HealthModel, samples: Samples, wanted: Flags, *, with_new: bool = False) -> Scores:
    """Scores of the wanted samples as the service would publish them, to the hundredth.

    `with_new`: those of accounts inside their grace too, which have a score but no zone.
    """
    scorer = Scorer(model)
    counted = (Standing.SCORED, Standing.NEW) if with_new else (Standing.SCORED,)
    score, probability = np.full(len(samples), _NONE), np.full(len(samples), _NONE)
    for line in np.flatnonzero(wanted):
        time_ms = int(samples.times_ms[line])
        state = scorer.decode(str(samples.accounts[line]), samples.rows[line])
        health = scorer.health(state, time_ms)
        if health.standing in counted and health.score is not None:
            score[line] = health.score
            if health.churn_probability_90d is not None:
                probability[line] = health.churn_probability_90d
    return Scores(score, probability)


def without_caps(model: HealthModel) -> HealthModel:
    """The same model with no cap, in its profiles neither."""
    replace = msgspec.structs.replace
    return replace(
        model,
        base=replace(model.base, caps=()),
        profiles=tuple(replace(item, policy=replace(item.policy, caps=())) for item in model.profiles),
    )
