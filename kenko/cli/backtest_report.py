"""What `kenko backtest` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from kenko.backtest.bad_lines import BadLines
from kenko.backtest.definitions import FIGURES, shown, shown_difference
from kenko.backtest.verdict import AlertDifference, Terms, Verdict
from kenko.cli.refusals import SHOWN
from kenko.cli.say import count_of

FEW = 30
"""Fewer accounts that left than this say little."""


def print_bad(console: Console, bad: Sequence[BadLines]) -> None:
    """Lines that are no events, file by file."""
    for item in bad:
        if not item.count:
            continue
        console.print(
            f"{item.file}: {count_of(item.count, 'line')} left out, not an event:", markup=False, soft_wrap=True
        )
        for line in item.first[:SHOWN]:
            console.print(f"  line {line.line}: {line.message}", markup=False, soft_wrap=True)
        if item.count > SHOWN:
            console.print(f"  and {item.count - SHOWN:,} more", soft_wrap=True)


def print_figures(console: Console, verdicts: Sequence[Verdict], terms: Terms) -> None:
    """The figures, one model a column; with two, the difference."""
    score = verdicts[0].score
    days = terms.grid.horizon_ms // 86_400_000
    console.print(
        f"{count_of(score.accounts, 'account')}, {score.churned_accounts:,} of them left; {score.observations:,} "
        f"observations, {score.positives + score.unscored_positives:,} followed by churn within {days} days",
        soft_wrap=True,
    )
    if not score.positives:
        console.print(
            "Nobody who was scored left within the horizon: nothing can be said about the score's ranking.",
            soft_wrap=True,
        )
    elif score.positives < FEW:
        console.print(
            f"So few leavers ({score.positives}) that the figures may be luck: look at the interval.", soft_wrap=True
        )
    table = Table(box=None, pad_edge=False)
    table.add_column("figure")
    for verdict in verdicts:
        table.add_column(verdict.name, justify="right")
    if len(verdicts) == 2:
        table.add_column("difference", justify="right")
    found = [verdict.figures() for verdict in verdicts]
    for figure in FIGURES:
        cells = [shown(figure.style, values.get(figure.name)) for values in found]
        if len(found) == 2:
            cells.append(shown_difference(figure, found[0].get(figure.name), found[1].get(figure.name)))
        table.add_row(figure.label, *cells)
    console.print(table)
    for verdict in verdicts:
        fifths = verdict.score.calibration_by_score_quintile
        rates = ", ".join(f"{fifth.score_from:g} to {fifth.score_to:g}: {fifth.churn_rate:.1%}" for fifth in fifths)
        if rates:
            console.print(f"{verdict.name}: churn rate by fifth of the scores: {rates}", markup=False, soft_wrap=True)
        known = verdict.reliability
        if known is not None:
            console.print(
                f"{verdict.name}: Brier score of the {known.within_days:g}-day probability {known.brier:.4f}, "
                f"of the base rate {known.brier_base_rate:.4f}",
                markup=False,
                soft_wrap=True,
            )


def print_rules(console: Console, verdicts: Sequence[Verdict]) -> None:
    """What each rule's alerts alone would have reached."""
    for verdict in verdicts:
        if len(verdict.by_rule) < 2:
            continue
        table = Table(box=None, pad_edge=False)
        table.add_column(f"{verdict.name}: rule")
        for name in ("alerts", "before churn", "by chance", "lead days", "false alarms"):
            table.add_column(name, justify="right")
        for rule, figures in verdict.by_rule.items():
            table.add_row(
                rule,
                f"{figures.red_alerts:,}",
                shown("share", figures.churned_alerted_in_window),
                shown("share", figures.chance_churned_alerted_in_window),
                shown("days", figures.lead_days_median),
                shown("number", figures.false_alarms_per_nonchurned_account_year),
            )
        console.print(table)


def print_workload(console: Console, verdicts: Sequence[Verdict]) -> None:
    """Alerts of which somebody would have been told, by owner."""
    for verdict in verdicts:
        load = verdict.workload
        total = sum(owner.alerts for owner in load.owners)
        back = ", ".join(f"{number:,} {reason}" for reason, number in sorted(load.kept_back.items()))
        console.print(
            f"{verdict.name}: {count_of(total, 'alert')} told, {total / load.weeks:.1f} a week"
            + (f"; kept back: {back}" if back else ""),
            markup=False,
            soft_wrap=True,
        )
        for owner in load.owners[:SHOWN]:
            console.print(
                f"  {owner.owner}: {owner.per_week:.1f} a week, {owner.busiest_week} in the busiest",
                markup=False,
                soft_wrap=True,
            )
        if len(load.owners) > SHOWN:
            console.print(f"  and {count_of(len(load.owners) - SHOWN, 'other owner')}", soft_wrap=True)


def print_alerted(console: Console, verdicts: Sequence[Verdict], alerted: AlertDifference) -> None:
    """Whose alerts differ between two models."""
    console.print(f"Accounts alerted by both: {alerted.both:,}", soft_wrap=True)
    for verdict, accounts, churned in (
        (verdicts[0], alerted.only_first, alerted.only_first_churned),
        (verdicts[1], alerted.only_second, alerted.only_second_churned),
    ):
        names = ", ".join(accounts[:SHOWN]) + (" …" if len(accounts) > SHOWN else "")
        line = f"Only by {verdict.name}: {len(accounts):,}, {churned:,} of them left"
        console.print(f"{line}: {names}" if names else line, markup=False, soft_wrap=True)
