"""How many different users or values in a window. Cell: {32-bit keyed hash: newest bucket it was seen in}.

People are counted, not stored: the row holds no user id, only hashes under a key.
"""

from __future__ import annotations

from collections.abc import Callable

from kenko.engine.adding import BAD, CHANGED, SAME
from kenko.engine.signals.kind import WHOLE, Reading, Unit
from kenko.engine.signals.values import distinct_text
from kenko.engine.signals.windows import bucket_size_ms, kept_ms
from kenko.engine.usage import Usage

Cell = dict[int, int]
KeyedHash = Callable[[str], int]


class Uniques(Unit):
    """What both kinds share. Raw value: how many were seen inside the window."""

    unit = WHOLE

    def __init__(self, index: int, window_ms: int, keyed_hash: KeyedHash) -> None:
        self.index = index
        self._window_ms = window_ms
        self._kept_ms = kept_ms(window_ms)
        self._bucket_ms = bucket_size_ms(window_ms)
        self._hash = keyed_hash

    def empty(self) -> Cell:
        return {}

    def _see(self, cell: Cell, key: int, time_ms: int) -> int:
        bucket = time_ms // self._bucket_ms
        newest = cell.get(key)
        if newest is None or newest < bucket:
            cell[key] = bucket
            return CHANGED
        return SAME

    def advance(self, cell: Cell, now_ms: int) -> Reading:
        if not cell:
            return 0, None
        dead = (now_ms - self._window_ms) // self._bucket_ms  # buckets up to this one have left the window
        oldest, count = min(cell.values()), len(cell)
        if oldest <= dead:
            living = [bucket for bucket in cell.values() if bucket > dead]
            if not living:
                return 0, None
            oldest, count = min(living), len(living)
        return count, oldest * self._bucket_ms + self._window_ms

    def forget(self, cell: Cell, now_ms: int) -> None:
        gone = (now_ms - self._kept_ms) // self._bucket_ms
        for key in [key for key, bucket in cell.items() if bucket <= gone]:
            del cell[key]

    def measure(self, cell: Cell, now_ms: int) -> int | None:
        dead = (now_ms - self._window_ms) // self._bucket_ms
        return sum(bucket > dead for bucket in cell.values())


class UniqueUsersKind(Uniques):
    """Different users. An event without a user adds nobody."""

    def add(self, cells: list[Cell], event: Usage, time_ms: int, _digest: bytes) -> int:
        user_id = event.user_id
        if user_id is None:
            return SAME
        return self._see(cells[self.index], self._hash(user_id), time_ms)


class UniqueValuesKind(Uniques):
    """Different values of a property. An event without it adds none."""

    def __init__(self, index: int, window_ms: int, keyed_hash: KeyedHash, property_name: str) -> None:
        super().__init__(index, window_ms, keyed_hash)
        self._property = property_name

    def add(self, cells: list[Cell], event: Usage, time_ms: int, _digest: bytes) -> int:
        value = event.properties.get(self._property)
        if value is None:
            return SAME
        text = distinct_text(value)
        if text is None:
            return BAD
        return self._see(cells[self.index], self._hash(text), time_ms)
