"""On how many days something happened. Cell: a set of days (see `days`)."""

from __future__ import annotations

from kenko.engine.adding import CHANGED, SAME
from kenko.engine.days import Days, forget, later_than, mark
from kenko.engine.signals.kind import WHOLE, Reading, Unit
from kenko.engine.signals.windows import SLACK_MS, kept_ms
from kenko.engine.usage import Usage
from kenko.model.limits import DAY_MS


class ActiveDaysKind(Unit):
    """Number of days, in UTC, with an event."""

    unit = WHOLE
    bucket_ms = DAY_MS

    def __init__(self, index: int, window_ms: int, span_ms: int) -> None:
        """`span_ms`: how far back days are held, the window or more: a trend reads those before it."""
        self.index = index
        self.window_ms = window_ms
        self._kept_ms = kept_ms(span_ms)
        self._keep = span_ms // DAY_MS + SLACK_MS // DAY_MS + 2

    def empty(self) -> Days:
        return []

    def add(self, cells: list[Days], _event: Usage, time_ms: int, _digest: bytes) -> int:
        cell, day = cells[self.index], time_ms // DAY_MS
        if cell and cell[0] == day:  # nearly all events are of the newest day
            return SAME
        return CHANGED if mark(cell, day, self._keep) else SAME

    def advance(self, cell: Days, now_ms: int) -> Reading:
        counted = later_than(cell, (now_ms - self.window_ms) // DAY_MS)
        if not counted:
            return 0, None
        first = cell[0] - counted.bit_length() + 1
        return counted.bit_count(), first * DAY_MS + self.window_ms

    def forget(self, cell: Days, now_ms: int) -> None:
        forget(cell, (now_ms - self._kept_ms) // DAY_MS)

    def measure(self, cell: Days, now_ms: int) -> int | None:
        return later_than(cell, (now_ms - self.window_ms) // DAY_MS).bit_count()

    def amount(self, cell: Days, after: int) -> int:
        """How many of the days lie later than the day `after`."""
        return later_than(cell, after).bit_count()
