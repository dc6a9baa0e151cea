"""What `kenko calibrate` prints: its progress, and the outcome."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from kenko.cli.bar import Bar
from kenko.cli.say import count_of, err
from kenko.runtime.clock import Clock, SystemClock

if TYPE_CHECKING:
    from kenko.backtest.calibration.calibrate import Calibrated


class ShareBar(Bar):
    """What is being done, and how much of it is done. On standard error."""

    def __init__(self, *, console: Console = err, clock: Clock | None = None) -> None:
        super().__init__(
            TextColumn("{task.description:9}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            begins="reading",
            console=console,
            clock=clock or SystemClock(),
        )

    def report(self, share: float, what: str) -> None:
        """Where it stands now."""
        self.show(what, min(share, 1.0), f"{what}  {share:.0%}")


def print_calibrated(console: Console, found: Calibrated, path: Path) -> None:
    """Figures, inputs, zones, warnings, and what to do next."""
    from kenko.backtest.calibration.told import figures  # noqa: PLC0415 - needs the extra

    console.print(
        f"Learnt from {count_of(found.accounts, 'account')}, {found.leavers:,} of which left.", soft_wrap=True
    )
    held = found.judgement
    if held is not None:
        console.print(
            f"Judged on {count_of(held.accounts, 'other account')}: {count_of(held.observations, 'observation')},"
            f" {held.positives:,} followed by churn within 30 days.",
            soft_wrap=True,
        )
    table = Table(box=None, pad_edge=False)
    for head in ("figure", "calibrated", "logistic regression", "before", ""):
        table.add_column(head, justify="left" if head in ("figure", "") else "right")
    for row in figures(found):
        table.add_row(*row)
    console.print(table)
    _print_inputs(console, found)
    model = found.draft.model
    console.print(
        f"Red stays below {model.base.zones.red.below:g}: {found.red_share:.0%} of the observations, before"
        f" {found.red_share_before:.0%}. Yellow is below {model.base.zones.yellow.below:g}.",
        soft_wrap=True,
    )
    for warning in found.warnings:
        console.print(warning, markup=False, soft_wrap=True)
    console.print(
        f"{path}: {model.name} version {model.version}. Its scores are others: see `kenko model diff`, and run"
        " `kenko model test` and `kenko backtest --compare` before it goes live.",
        markup=False,
        soft_wrap=True,
    )


def _print_inputs(console: Console, found: Calibrated) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("input")
    table.add_column("% before", justify="right")
    table.add_column("% now", justify="right")
    table.add_column("history says")
    for item in found.inputs:
        table.add_row(
            f"{item.group}: {item.signal}", f"{item.share_before:.1f}", f"{item.weight:.1f}", item.verdict.value
        )
    console.print(table)
