"""How many different users or values in a window. Cell: {64-bit keyed hash: newest bucket it was seen in}.

People are counted, not stored: the row holds no user id, only hashes under a key.
"""

from __future__ import annotations

from collections.abc import Callable

from kenko.engine.signals.kind import Reading
from kenko.engine.signals.values import distinct_text
from kenko.engine.signals.windows import bucket_size_ms
from schemas.usage_event import UsageEvent

Cell = dict[int, int]
KeyedHash = Callable[[str], int]


class Uniques:
    """What both kinds share. Raw value: how many were seen inside the window."""

    def __init__(self, index: int, window_ms: int, keyed_hash: KeyedHash) -> None:
        self.index = index
        self._window_ms = window_ms
        self._bucket_ms = bucket_size_ms(window_ms)
        self._hash = keyed_hash

    def empty(self) -> Cell:
        return {}

    def _see(self, cell: Cell, key: int, time_ms: int) -> None:
        bucket = time_ms // self._bucket_ms
        if cell.get(key, bucket - 1) < bucket:
            cell[key] = bucket

    def advance(self, cell: Cell, now_ms: int) -> Reading:
        if not cell:
            return 0, None
        dead = (now_ms - self._window_ms) // self._bucket_ms  # buckets up to this one have left the window
        oldest = min(cell.values())
        if oldest <= dead:
            for key in [key for key, bucket in cell.items() if bucket <= dead]:
                del cell[key]
            if not cell:
                return 0, None
            oldest = min(cell.values())
        return len(cell), oldest * self._bucket_ms + self._window_ms

    def measure(self, cell: Cell, now_ms: int) -> int | None:
        dead = (now_ms - self._window_ms) // self._bucket_ms
        return sum(bucket > dead for bucket in cell.values())

    def value(self, raw: int) -> float:
        return float(raw)


class UniqueUsersKind(Uniques):
    """Different users. An event without a user adds nobody."""

    def add(self, cells: list[Cell], event: UsageEvent, time_ms: int, _digest: bytes) -> int:
        user_id = event.user_id
        if user_id is not None:
            self._see(cells[self.index], self._hash(user_id), time_ms)
        return 0


class UniqueValuesKind(Uniques):
    """Different values of a property. An event without it adds none."""

    def __init__(self, index: int, window_ms: int, keyed_hash: KeyedHash, property_name: str) -> None:
        super().__init__(index, window_ms, keyed_hash)
        self._property = property_name

    def add(self, cells: list[Cell], event: UsageEvent, time_ms: int, _digest: bytes) -> int:
        value = event.properties.get(self._property)
        if value is None:
            return 0
        text = distinct_text(value)
        if text is None:
            return 1
        self._see(cells[self.index], self._hash(text), time_ms)
        return 0
