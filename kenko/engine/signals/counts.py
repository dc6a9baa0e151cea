"""How many events in a window. Cell: a series (see `series`)."""

from __future__ import annotations

from kenko.engine.adding import CHANGED, SAME
from kenko.engine.signals.kind import WHOLE, Reading, Unit
from kenko.engine.signals.series import MOST, Series, forget, held, make_room, total
from kenko.engine.signals.windows import SLACK_MS, bucket_size_ms, kept_ms
from kenko.engine.usage import Usage


class Buckets(Unit):
    """What all signals with a number for each bucket share. Raw value: the sum over the window."""

    unit = WHOLE

    def __init__(self, index: int, window_ms: int, span_ms: int, bucket_ms: int) -> None:
        """`span_ms`: how far back buckets are held, the window or more: a trend reads those before it."""
        self.index = index
        self.window_ms = window_ms
        self.bucket_ms = bucket_ms
        self._kept_ms = kept_ms(span_ms)
        self._keep = span_ms // bucket_ms + SLACK_MS // bucket_ms + 2

    def empty(self) -> Series:
        return []

    def advance(self, cell: Series, now_ms: int) -> Reading:
        if not cell:
            return 0, None
        bucket_ms, window_ms = self.bucket_ms, self.window_ms
        dead = (now_ms - window_ms) // bucket_ms  # buckets up to this one have left the window
        first = cell[0]
        if first > dead:  # all that is held counts, and its first bucket leaves first
            raw = sum(cell) - first
        else:
            at, last = dead - first + 2, len(cell) - 1
            if at > last:
                return 0, None
            raw = sum(cell[at:])
            while not cell[at] and at < last:
                at += 1
            first += at - 1
        if not -MOST < raw < MOST:
            raw = held(raw)
        return raw, first * bucket_ms + window_ms

    def forget(self, cell: Series, now_ms: int) -> None:
        gone = (now_ms - self._kept_ms) // self.bucket_ms
        if cell and cell[0] <= gone:
            forget(cell, gone)

    def measure(self, cell: Series, now_ms: int) -> int | None:
        return held(total(cell, (now_ms - self.window_ms) // self.bucket_ms))

    def amount(self, cell: Series, after: int) -> int:
        """The sum of the buckets later than the bucket `after`."""
        first = cell[0] if cell else 0
        return sum(cell) - first if first > after else total(cell, after)


class CountKind(Buckets):
    """Number of events."""

    def __init__(self, index: int, window_ms: int, span_ms: int) -> None:
        super().__init__(index, window_ms, span_ms, bucket_size_ms(window_ms))

    def add(self, cells: list[Series], _event: Usage, time_ms: int, _digest: bytes) -> int:
        cell = cells[self.index]
        bucket = time_ms // self.bucket_ms
        if not (cell and 0 < (place := bucket - cell[0] + 1) < len(cell)):
            place = make_room(cell, bucket, self._keep)
            if not place:
                return SAME
        cell[place] += 1
        return CHANGED
