"""Verdict: all figures of one model, and two models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isnan
from random import Random
from typing import Any

from kenko.backtest.alert_validity import AlertFigures, AlertRow, AlertRules, alert_figures
from kenko.backtest.grid import Grid
from kenko.backtest.labels import Labels
from kenko.backtest.red_validity import RedFigures, red_figures
from kenko.backtest.reliability import Reliability, reliability
from kenko.backtest.score_validity import ScoreFigures, score_figures
from kenko.backtest.table import Observation, observe
from kenko.backtest.trial import RECOVER, RED, Trial
from kenko.backtest.workload import Workload, workload

SEED = 0


@dataclass(frozen=True)
class Terms:
    """By what is judged."""

    labels: Labels
    grid: Grid
    rules: AlertRules
    end_ms: int
    """When the run ended."""


@dataclass(frozen=True)
class Verdict:
    """One model."""

    name: str
    score: ScoreFigures
    alerts: AlertFigures
    red: RedFigures | None
    """Of all alerts that count: an alert of any rule begins a stay in red."""
    zone: RedFigures | None
    """Of the red zone alone: what a dashboard shows as red."""
    by_rule: dict[str, AlertFigures]
    """The same figures of each rule's alerts alone: which of them is worth its alarms."""
    reliability: Reliability | None
    workload: Workload
    observations: list[Observation]

    def figures(self) -> dict[str, Any]:
        """All figures by name, those that do not exist as None."""
        found = {**asdict(self.score), **asdict(self.alerts), **(asdict(self.red) if self.red else {})}
        found |= {f"zone_{name}": value for name, value in (asdict(self.zone) if self.zone else {}).items()}
        del found["lead_days"]
        return {name: plain(value) for name, value in found.items()}


def judge(name: str, trial: Trial, terms: Terms) -> Verdict:
    """The figures of one trial. The same trial gives the same figures: the random numbers have a fixed seed."""
    labels = terms.labels
    random = Random(SEED)  # noqa: S311 - a bootstrap, not a secret
    observed = observe(trial.looks, labels, terms.grid)
    calibration = trial.model.calibration
    return Verdict(
        name=name,
        score=score_figures(observed, labels, random),
        alerts=alert_figures(trial.rows, labels, random, terms.rules),
        red=red_figures(trial.rows, labels, terms.rules),
        zone=red_figures([row for row in trial.rows if row.kind in (RED, RECOVER)], labels, AlertRules()),
        by_rule=_by_rule(trial.rows, terms),
        reliability=None
        if calibration is None
        else reliability(trial.looks, labels, terms.grid, calibration.within_ms),
        workload=workload(trial.alerts, labels, terms.end_ms),
        observations=observed,
    )


def _by_rule(rows: Sequence[AlertRow], terms: Terms) -> dict[str, AlertFigures]:
    kinds = dict.fromkeys(row.kind for row in rows if row.kind != RECOVER)
    rules = replace(terms.rules, kinds="")
    return {
        kind: alert_figures(
            [row for row in rows if row.kind == kind],
            terms.labels,
            Random(SEED),  # noqa: S311
            rules,
        )
        for kind in sorted(kinds)
    }


@dataclass(frozen=True)
class AlertDifference:
    """Accounts with an alert of risk from one model and none from the other."""

    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    both: int
    only_first_churned: int
    only_second_churned: int


def compare_alerted(first: Sequence[AlertRow], second: Sequence[AlertRow], labels: Labels) -> AlertDifference:
    """Whose alerts differ."""
    one, other = ({row.account_id for row in rows if row.kind != RECOVER} for rows in (first, second))
    lost = {account_id for account_id, label in labels.items() if label.churn_ms is not None}
    return AlertDifference(
        only_first=tuple(sorted(one - other)),
        only_second=tuple(sorted(other - one)),
        both=len(one & other),
        only_first_churned=len((one - other) & lost),
        only_second_churned=len((other - one) & lost),
    )


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, float]:
    """Second less first, of every figure that both have."""
    pairs = ((name, value, second.get(name)) for name, value in first.items())
    return {name: b - a for name, a, b in pairs if isinstance(a, int | float) and isinstance(b, int | float)}


def plain(value: Any) -> Any:
    """As JSON has it: no NaN, no tuples."""
    if isinstance(value, float) and isnan(value):
        return None
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value
