"""The progress of a replay: event-time cursor, events/s, what is left, zones so far."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from kenko.backtest.event_source import EventSource
from kenko.backtest.replay import Pace, Progress
from kenko.cli.say import out
from kenko.runtime.clock import Clock, SystemClock
from schemas.base import from_ms

ZONES = ("red", "yellow", "green")
LOG_EVERY_S = 10.0
"""Without a terminal: a line this often."""


class ReplayBar:
    """Context manager. What is printed meanwhile through `say` stands above the bar."""

    def __init__(self, source: EventSource, pace: Pace, *, console: Console = out, clock: Clock | None = None) -> None:
        self._source = source
        self._pace = pace
        self._clock = clock or SystemClock()
        self._console = console
        self._zones: Counter[str] = Counter()
        self._start_s = self._clock.monotonic()
        self._logged_s = self._start_s
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[rate]:,.0f} events/s  {task.fields[left]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[zones]}"),
            console=console,
            transient=True,
        )
        self._task = self._bars.add_task("starting", total=1.0, rate=0.0, left="", zones="")

    def __enter__(self) -> Self:
        self._start_s = self._clock.monotonic()
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def zones(self, zones: Counter[str]) -> None:
        """Accounts by zone, as of now."""
        self._zones = zones

    def report(self, progress: Progress) -> None:
        """Where the replay stands now."""
        elapsed_s = max(self._clock.monotonic() - self._start_s, 0.001)
        cursor_ms = progress.cursor_ms if progress.cursor_ms is not None else self._source.first_ms
        done = self._done(cursor_ms, elapsed_s)
        left_s = elapsed_s / done * (1 - done) if done > 0 else 0.0
        rate = progress.events / elapsed_s
        cursor = from_ms(cursor_ms).strftime("%Y-%m-%d %H:%M")
        zones = "  ".join(f"{name} {self._zones[name]}" for name in ZONES if self._zones[name])
        left = f"{left_s:.0f} s left"
        self._bars.update(self._task, description=cursor, completed=done, rate=rate, left=left, zones=zones)
        if not self._console.is_terminal and self._clock.monotonic() - self._logged_s >= LOG_EVERY_S:
            self._logged_s = self._clock.monotonic()
            self._console.print(f"{cursor}  {done:.0%}  {rate:,.0f} events/s  {left}  {zones}", markup=False)

    def _done(self, cursor_ms: int, elapsed_s: float) -> float:
        """Share of the way: through the file, or through the time it may take, whichever ends first."""
        span_ms = max(self._source.last_ms - self._source.first_ms, 1)
        share = (cursor_ms - self._source.first_ms) / span_ms
        if self._pace.stop_after_s:
            share = max(share, elapsed_s / self._pace.stop_after_s)
        return min(max(share, 0.0), 1.0)
