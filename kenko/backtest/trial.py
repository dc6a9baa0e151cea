"""Trial: models over the same history at once, what they said, and which alerts would have fired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kenko.alerting.policy import AlertPolicy
from kenko.backtest.alert_validity import AlertRow
from kenko.backtest.expected import AlertExpectation, ExpectedAlert
from kenko.backtest.history import History, OutOfOrderError
from kenko.backtest.looking import Look, look
from kenko.backtest.march import March, Pace, Ticked
from kenko.backtest.memory_fold import MemoryFold
from kenko.model import HealthModel
from schemas.base import to_ms
from schemas.health import Zone
from schemas.transition import ZONE_RULE, RuleKind, Transition

RED = "red"
RECOVER = "recover"
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Moment:
    """How far a trial has come."""

    time_ms: int
    events: int
    share: float
    """Of the events' file, 0 to 1."""


Report = Callable[[Moment], None]


@dataclass
class Trial:
    """What came of one model."""

    model: HealthModel
    looks: list[Look] = field(default_factory=list)
    rows: list[AlertRow] = field(default_factory=list)
    """Red and recover of the zone rule, and the names of the rules of risk as they began to hold."""
    alerts: list[ExpectedAlert] = field(default_factory=list)
    """Those of all rules, with whether anyone would have been told."""
    counts: Counter[str] = field(default_factory=Counter)
    """Events by outcome, accounts evaluated, transitions."""


@dataclass(frozen=True)
class TrialPlan:
    """How models are tried."""

    history: History
    stops: tuple[int, ...]
    """When to look at the scores."""
    pace: Pace
    policy: AlertPolicy
    with_values: bool = False


def try_models(models: Sequence[HealthModel], plan: TrialPlan, report: Report | None = None) -> list[Trial]:
    """One trial a model, in one pass over the history.

    Raises:
        EventFileError: a file cannot be read.
    """
    try:
        return _try(models, plan, report)
    except OutOfOrderError:
        plan.history.is_sorted = False
        return _try(models, plan, report)


def _try(models: Sequence[HealthModel], plan: TrialPlan, report: Report | None) -> list[Trial]:
    trials = [Trial(model) for model in models]
    folds = [MemoryFold(model, ids_repeat=plan.history.ids_repeat) for model in models]
    expectations = [AlertExpectation(plan.policy) for _ in models]
    march = March(folds, plan.pace, plan.stops)
    for moment in march.through(plan.history.read()):
        if isinstance(moment, Ticked):
            for trial, expectation, transitions in zip(trials, expectations, moment.transitions, strict=True):
                for transition in transitions:
                    expectation.follow(transition)
                    _note(trial, transition)
            if report is not None and moment.time_ms % DAY_MS == 0:
                report(Moment(moment.time_ms, march.events, plan.history.share()))
        else:
            for trial, fold in zip(trials, folds, strict=True):
                trial.looks += look(fold, moment.time_ms, with_values=plan.with_values)
    for trial, fold, expectation in zip(trials, folds, expectations, strict=True):
        trial.alerts = expectation.alerts
        trial.counts = Counter(fold.counts)
    return trials


def _note(trial: Trial, transition: Transition) -> None:
    kind = alert_kind(transition)
    if kind is not None:
        trial.rows.append(AlertRow(transition.account_id, to_ms(transition.time), kind))


def alert_kind(transition: Transition) -> str | None:
    """What the alerts file calls it; None for what is no alarm: the end of a rule, and good news."""
    if transition.rule == ZONE_RULE:
        if transition.to_zone is Zone.RED:
            return RED
        return RECOVER if transition.from_zone is Zone.RED else None
    return transition.rule if transition.active and transition.kind is not RuleKind.EXPANSION else None
