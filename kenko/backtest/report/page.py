"""The page: one HTML file that needs no network and no script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from kenko.backtest.definitions import FIGURES, shown, shown_difference
from kenko.backtest.report.plots import plots
from kenko.backtest.trial import RED
from kenko.backtest.verdict import AlertDifference, Terms, Verdict
from kenko.backtest.workload import NOBODY
from schemas.base import from_ms

_PAGES = Environment(
    loader=PackageLoader("kenko.backtest.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=False
)


def render_page(verdicts: Sequence[Verdict], terms: Terms, alerted: AlertDifference | None = None) -> str:
    """The page of one model, or of two side by side."""
    return _PAGES.get_template("page.html.j2").render(
        names=[verdict.name for verdict in verdicts],
        summary=_summary(verdicts[0], terms),
        figures=_figures(verdicts),
        plots=plots(verdicts, terms),
        rules=[{"name": verdict.name, "rows": _rules(verdict)} for verdict in verdicts if verdict.by_rule],
        owners=[{"name": verdict.name, "rows": _owners(verdict)} for verdict in verdicts if verdict.workload.owners],
        alerted=None if alerted is None else _alerted(verdicts, alerted),
    )


def _summary(verdict: Verdict, terms: Terms) -> str:
    score = verdict.score
    start_ms = min(label.start_ms for label in terms.labels.values())
    return (
        f"{score.accounts:,} accounts, {score.churned_accounts:,} of them left, "
        f"{from_ms(start_ms):%Y-%m-%d} to {from_ms(terms.end_ms):%Y-%m-%d}. {score.observations:,} observations, "
        f"{score.positives + score.unscored_positives:,} followed by churn within "
        f"{terms.grid.horizon_ms // 86_400_000} days. "
        "The labels were never fed to the scorer."
    )


def _figures(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    found = [verdict.figures() for verdict in verdicts]
    rows: list[dict[str, Any]] = []
    for figure in FIGURES:
        values = [figures.get(figure.name) for figures in found]
        cells = [shown(figure.style, value) for value in values]
        if len(values) == 2:
            cells.append(shown_difference(figure, *values))
        rows.append({"label": figure.label, "cells": cells, "meaning": figure.meaning})
    return rows


def _rules(verdict: Verdict) -> list[tuple[str, ...]]:
    return [
        (
            "red zone" if rule == RED else rule,
            shown("count", figures.red_alerts),
            shown("share", figures.churned_alerted_in_window),
            shown("share", figures.chance_churned_alerted_in_window),
            shown("days", figures.lead_days_median),
            shown("number", figures.false_alarms_per_nonchurned_account_year),
        )
        for rule, figures in verdict.by_rule.items()
    ]


def _owners(verdict: Verdict) -> list[tuple[str, ...]]:
    return [
        (
            "no owner is known" if load.owner == NOBODY else load.owner,
            shown("count", load.alerts),
            shown("days", load.per_week),
            shown("count", load.busiest_week),
        )
        for load in verdict.workload.owners
    ]


def _alerted(verdicts: Sequence[Verdict], alerted: AlertDifference) -> dict[str, Any]:
    first, second = verdicts
    return {
        "both": alerted.both,
        "sides": [
            {"name": first.name, "accounts": alerted.only_first, "churned": alerted.only_first_churned},
            {"name": second.name, "accounts": alerted.only_second, "churned": alerted.only_second_churned},
        ],
    }
