"""The progress of an import: how much of the file, how fast, how long still."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from kenko.cli.bar import Bar, seconds_left
from kenko.cli.say import err
from kenko.runtime.clock import Clock, SystemClock
from schemas.base import from_ms


class ImportBar(Bar):
    """On standard error, so that standard output holds results only."""

    def __init__(self, count: int, skipped: int, *, console: Console = err, clock: Clock | None = None) -> None:
        """`count`: lines of the file; `skipped`: those of an earlier run."""
        self._count = max(count, 1)
        self._skipped = skipped
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[rate]:,.0f} events/s  {task.fields[left]:.0f} s left"),
            TimeElapsedColumn(),
            begins="reading",
            console=console,
            clock=clock or SystemClock(),
            rate=0.0,
            left=0.0,
        )

    def report(self, lines: int, time_ms: int) -> None:
        """So many lines are done; the newest event is of this time."""
        elapsed_s = self.elapsed_s()
        rate = (lines - self._skipped) / elapsed_s
        left_s = seconds_left(elapsed_s, (lines - self._skipped) / max(self._count - self._skipped, 1))
        day = from_ms(time_ms).strftime("%Y-%m-%d")
        line = f"{day}  {lines / self._count:.0%}  {rate:,.0f} events/s  {left_s:.0f} s left"
        self.show(day, min(lines / self._count, 1.0), line, rate=rate, left=left_s)
