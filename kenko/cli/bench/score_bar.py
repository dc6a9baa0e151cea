"""The progress of `kenko bench score`: what it is at, and how far."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from kenko.cli.bar import Bar
from kenko.cli.say import err
from kenko.runtime.clock import Clock, SystemClock


class ScoreBar(Bar):
    """On standard error, so that standard output holds the lines only."""

    def __init__(self, *, console: Console = err, clock: Clock | None = None) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            begins="starting",
            console=console,
            clock=clock or SystemClock(),
        )

    def stage(self, what: str) -> Callable[[float], None]:
        """Tell the share that is done, 0 to 1, to the function that this answers."""

        def report(done: float) -> None:
            self.show(what, min(done, 1.0), f"{what}: {done:.0%}")

        report(0.0)
        return report
