"""`kenko backtest`: what a health model would have said over a labelled history, and how good that was."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from kenko.backtest.alert_validity import RISK_KINDS, AlertRules
from kenko.backtest.chosen_accounts import keep, read_accounts, sample_accounts
from kenko.backtest.event_file import EventFileError
from kenko.backtest.grid import Grid
from kenko.backtest.history import History
from kenko.backtest.labels import Label, load_labels
from kenko.backtest.march import Pace
from kenko.backtest.trial import Trial, TrialPlan, try_models
from kenko.backtest.verdict import Terms, compare_alerted, judge
from kenko.backtest.written import as_json, write_alerts, write_scores
from kenko.cli.backtest_bar import BacktestBar
from kenko.cli.backtest_page import require_page, write_page
from kenko.cli.backtest_report import print_alerted, print_bad, print_figures, print_rules, print_workload
from kenko.cli.durations import read_duration, read_time
from kenko.cli.model_file import read_model
from kenko.cli.say import EXIT_STOPPED, EXIT_USAGE, err, fail, foreseen, out
from kenko.cli.signals import Stopped, stops
from kenko.model import HealthModel
from kenko.runtime.errors import ConfigurationError
from kenko.runtime.garbage import collect_garbage_rarely
from kenko.runtime.settings import read_settings
from schemas.base import from_ms
from services.alerter.settings import AlerterSettings

RECEIVER = "backtest"


def backtest(
    *,
    model: Annotated[Path, typer.Option(help="The health model.")],
    events: Annotated[Path, typer.Option(help="Events: .csv or .jsonl, either with .gz.")],
    labels: Annotated[Path, typer.Option(help="account_id,start_date,churn_date,observed_until. Never scored.")],
    lifecycle: Annotated[
        Path | None, typer.Option(help="Contract events: ts,account_id,type and columns that become properties.")
    ] = None,
    compare: Annotated[Path | None, typer.Option(help="A second model, to stand beside the first.")] = None,
    tick: Annotated[str, typer.Option(help="Event time between two ticks.")] = "1h",
    until: Annotated[str | None, typer.Option(help="Time to stop at; by default where the labels end.")] = None,
    accounts: Annotated[Path | None, typer.Option(help="Only these accounts, one id a line.")] = None,
    sample: Annotated[float, typer.Option(help="Only this share of the accounts.", min=0, max=1)] = 1.0,
    seed: Annotated[int, typer.Option(help="Which ones --sample takes.")] = 0,
    kinds: Annotated[str, typer.Option(help="Regex: which kinds of alert rows count as alarms.")] = RISK_KINDS,
    json: Annotated[Path | None, typer.Option(help="Write everything as JSON; - is standard output.")] = None,
    page: Annotated[Path | None, typer.Option(help="Write a page with plots (extra: report).")] = None,
    scores_out: Annotated[Path | None, typer.Option(help="Write account_id,ts,score.")] = None,
    alerts_out: Annotated[Path | None, typer.Option(help="Write account_id,ts,kind.")] = None,
) -> None:
    """Score a history of events as the service would have, tick by tick, and judge scores and alerts by what came of it.

    Labels are never fed to the scorer. With --compare, --scores-out and --alerts-out are of the first model.
    """
    interval_ms = read_duration(tick)
    until_ms = None if until is None else read_time(until)
    to_stdout = json is not None and str(json) == "-"
    console = err if to_stdout else out
    try:
        with foreseen(), stops():
            if page is not None:
                require_page()
            rules = _rules(kinds)
            models = {_name(path): read_model(path) for path in (model, compare) if path is not None}
            if compare is not None and len(models) == 1:
                models = {f"{_name(path)} ({path.parent})": read_model(path) for path in (model, compare)}
            chosen = _chosen(load_labels(labels), accounts, sample, seed)
            end_ms = max(label.until_ms for label in chosen.values()) if until_ms is None else until_ms
            terms = Terms(chosen, Grid(), rules, end_ms)
            history = History(events, lifecycle, chosen)
            trials = _try(list(models.values()), history, terms, interval_ms)
            with console.status("Counting …"):
                verdicts = [judge(name, trial, terms) for name, trial in zip(models, trials, strict=True)]
            alerted = compare_alerted(trials[0].rows, trials[1].rows, chosen) if len(trials) == 2 else None
            if scores_out is not None:
                write_scores(scores_out, trials[0].looks)
            if alerts_out is not None:
                write_alerts(alerts_out, trials[0].rows)
            body = as_json(verdicts, trials, terms, history.bad)
            if json is not None and not to_stdout:
                _write_bytes(json, body + b"\n")
            if page is not None:
                write_page(page, verdicts, terms, alerted)
    except Stopped:
        err.print("Stopped.")
        raise typer.Exit(EXIT_STOPPED) from None
    print_bad(console, history.bad)
    print_figures(console, verdicts, terms)
    print_rules(console, verdicts)
    print_workload(console, verdicts)
    if alerted is not None:
        print_alerted(console, verdicts, alerted)
    if to_stdout:
        sys.stdout.write(body.decode() + "\n")


def _name(path: Path) -> str:
    return path.stem


def _rules(kinds: str) -> AlertRules:
    rules = AlertRules(kinds=kinds)
    rules.pattern()
    return rules


def _chosen(labels: dict[str, Label], accounts: Path | None, share: float, seed: int) -> dict[str, Label]:
    """The labels of the accounts that were asked for."""
    if accounts is not None:
        labels = keep(labels, read_accounts(accounts))
    if share < 1:
        labels = keep(labels, sample_accounts(labels, share, seed))
    if not labels:
        raise EventFileError("No account of the labels is left to look at: check --accounts and --sample.")
    return labels


def _try(models: list[HealthModel], history: History, terms: Terms, interval_ms: int) -> list[Trial]:
    alerter = read_settings(AlerterSettings)
    start_ms = min(label.start_ms for label in terms.labels.values())
    if terms.end_ms <= start_ms:
        fail(f"Nothing happens before --until: the first account begins at {from_ms(start_ms)}.", code=EXIT_USAGE)
    plan = TrialPlan(
        history=history,
        stops=tuple(t for t in terms.grid.times(terms.labels.values()) if t <= terms.end_ms),
        pace=Pace(interval_ms, terms.end_ms),
        policy=alerter.policy((RECEIVER,)),
    )
    collect_garbage_rarely()
    with BacktestBar(start_ms, terms.end_ms) as bar:
        return try_models(models, plan, bar.report)


def _write_bytes(path: Path, body: bytes) -> None:
    try:
        path.write_bytes(body)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
