"""The progress of a back-test: where in event time, how fast, how long still."""

from __future__ import annotations

from rich.console import Console

from kenko.backtest.trial import Moment
from kenko.cli.bar import HistoryBar, seconds_left
from kenko.cli.say import err
from kenko.runtime.clock import Clock


class BacktestBar(HistoryBar):
    """Counts event time from the first event to the end."""

    def __init__(self, start_ms: int, end_ms: int, *, console: Console = err, clock: Clock | None = None) -> None:
        self._start_ms = start_ms
        self._span_ms = max(end_ms - start_ms, 1)
        super().__init__(console=console, clock=clock)

    def report(self, moment: Moment) -> None:
        """Where the back-test stands now."""
        elapsed_s = self.elapsed_s()
        done = min(max((moment.time_ms - self._start_ms) / self._span_ms, 0.0), 1.0)
        rate = moment.events / elapsed_s
        self.show_day(moment.time_ms, done, rate=rate, left_s=seconds_left(elapsed_s, done))
