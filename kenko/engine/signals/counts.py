"""How many events in a window, and on how many days. Cell: {bucket: count}."""

from __future__ import annotations

from kenko.engine.signals.kind import Reading
from kenko.engine.signals.windows import bucket_size_ms
from kenko.model.limits import DAY_MS
from schemas.usage_event import UsageEvent

Cell = dict[int, int]


class Buckets:
    """What all signals with a sum in each bucket share. Raw value: the sum over the window."""

    def __init__(self, index: int, window_ms: int, bucket_ms: int) -> None:
        self.index = index
        self._window_ms = window_ms
        self._bucket_ms = bucket_ms

    def empty(self) -> Cell:
        return {}

    def advance(self, cell: Cell, now_ms: int) -> Reading:
        if not cell:
            return 0, None
        dead = (now_ms - self._window_ms) // self._bucket_ms  # buckets up to this one have left the window
        oldest = min(cell)
        if oldest <= dead:
            for bucket in [bucket for bucket in cell if bucket <= dead]:
                del cell[bucket]
            if not cell:
                return 0, None
            oldest = min(cell)
        return sum(cell.values()), oldest * self._bucket_ms + self._window_ms

    def measure(self, cell: Cell, now_ms: int) -> int | None:
        dead = (now_ms - self._window_ms) // self._bucket_ms
        return sum(amount for bucket, amount in cell.items() if bucket > dead)

    def value(self, raw: int) -> float:
        return float(raw)


class CountKind(Buckets):
    """Number of events."""

    def __init__(self, index: int, window_ms: int) -> None:
        super().__init__(index, window_ms, bucket_size_ms(window_ms))

    def add(self, cells: list[Cell], _event: UsageEvent, time_ms: int, _digest: bytes) -> int:
        cell = cells[self.index]
        bucket = time_ms // self._bucket_ms
        cell[bucket] = cell.get(bucket, 0) + 1
        return 0


class ActiveDaysKind(Buckets):
    """Number of days, in UTC, with an event. The bucket is always a day; its content is 1."""

    def __init__(self, index: int, window_ms: int) -> None:
        super().__init__(index, window_ms, DAY_MS)

    def add(self, cells: list[Cell], _event: UsageEvent, time_ms: int, _digest: bytes) -> int:
        cells[self.index][time_ms // DAY_MS] = 1
        return 0
