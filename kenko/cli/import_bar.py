"""The progress of an import: how much of the file, how fast, how long still."""

from __future__ import annotations

from rich.console import Console

from kenko.cli.bar import HistoryBar, seconds_left
from kenko.cli.say import err
from kenko.runtime.clock import Clock


class ImportBar(HistoryBar):
    """Counts lines: those of an earlier run are done, and say nothing of the pace."""

    def __init__(self, count: int, skipped: int, *, console: Console = err, clock: Clock | None = None) -> None:
        """`count`: lines of the file; `skipped`: those of an earlier run."""
        self._count = max(count, 1)
        self._skipped = skipped
        super().__init__(console=console, clock=clock)

    def report(self, lines: int, time_ms: int) -> None:
        """So many lines are done; the newest event is of this time."""
        elapsed_s, done = self.elapsed_s(), lines - self._skipped
        left_s = seconds_left(elapsed_s, done / max(self._count - self._skipped, 1))
        self.show_day(time_ms, lines / self._count, rate=done / elapsed_s, left_s=left_s)
