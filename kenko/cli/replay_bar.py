"""The progress of a replay: event-time cursor, events/s, what is left, zones so far."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from kenko.backtest.event_source import EventSource
from kenko.backtest.replay import Pace, Progress
from kenko.cli.bar import Bar, seconds_left
from kenko.cli.say import out
from kenko.runtime.clock import Clock, SystemClock
from schemas.base import from_ms

ZONES = ("red", "yellow", "green")


class ReplayBar(Bar):
    """On standard output, beside what is printed meanwhile."""

    def __init__(self, source: EventSource, pace: Pace, *, console: Console = out, clock: Clock | None = None) -> None:
        self._source = source
        self._pace = pace
        self._zones: Counter[str] = Counter()
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[rate]:,.0f} events/s  {task.fields[left]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[zones]}"),
            begins="starting",
            console=console,
            clock=clock or SystemClock(),
            rate=0.0,
            left="",
            zones="",
        )

    def zones(self, zones: Counter[str]) -> None:
        """Accounts by zone, as of now."""
        self._zones = zones

    def report(self, progress: Progress) -> None:
        """Where the replay stands now."""
        elapsed_s = self.elapsed_s()
        cursor_ms = progress.cursor_ms if progress.cursor_ms is not None else self._source.first_ms
        done = self._done(cursor_ms, elapsed_s)
        rate = progress.events / elapsed_s
        cursor = from_ms(cursor_ms).strftime("%Y-%m-%d %H:%M")
        zones = "  ".join(f"{name} {self._zones[name]}" for name in ZONES if self._zones[name])
        left = f"{seconds_left(elapsed_s, done):.0f} s left"
        line = f"{cursor}  {done:.0%}  {rate:,.0f} events/s  {left}  {zones}"
        self.show(cursor, done, line, rate=rate, left=left, zones=zones)

    def _done(self, cursor_ms: int, elapsed_s: float) -> float:
        """Share of the way: through the file, or through the time it may take, whichever ends first."""
        span_ms = max(self._source.last_ms - self._source.first_ms, 1)
        share = (cursor_ms - self._source.first_ms) / span_ms
        if self._pace.stop_after_s:
            share = max(share, elapsed_s / self._pace.stop_after_s)
        return min(max(share, 0.0), 1.0)
