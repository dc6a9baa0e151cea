"""The progress of a back-test: where in event time, how fast, how long still."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from kenko.backtest.trial import Moment
from kenko.cli.bar import Bar, seconds_left
from kenko.cli.say import err
from kenko.runtime.clock import Clock, SystemClock
from schemas.base import from_ms


class BacktestBar(Bar):
    """On standard error, so that standard output holds results only."""

    def __init__(self, start_ms: int, end_ms: int, *, console: Console = err, clock: Clock | None = None) -> None:
        self._start_ms = start_ms
        self._span_ms = max(end_ms - start_ms, 1)
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

    def report(self, moment: Moment) -> None:
        """Where the back-test stands now."""
        elapsed_s = self.elapsed_s()
        done = min(max((moment.time_ms - self._start_ms) / self._span_ms, 0.0), 1.0)
        left_s = seconds_left(elapsed_s, done)
        rate = moment.events / elapsed_s
        day = from_ms(moment.time_ms).strftime("%Y-%m-%d")
        line = f"{day}  {done:.0%}  {rate:,.0f} events/s  {left_s:.0f} s left"
        self.show(day, done, line, rate=rate, left=left_s)
