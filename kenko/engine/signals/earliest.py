"""When one of some events first happened. Cell: the earliest time, or None."""

from __future__ import annotations

from kenko.engine.adding import CHANGED, SAME
from kenko.engine.signals.kind import WHOLE, Kept, Reading, Unit
from kenko.engine.usage import Usage

Cell = int | None


class EarliestKind(Kept, Unit):
    """Raw value: the time in milliseconds. What people read, days since the beginning, is made of it in `account_time`:
    the beginning is no event of this signal.
    """

    unit = WHOLE

    def __init__(self, index: int) -> None:
        self.index = index

    def empty(self) -> Cell:
        return None

    def add(self, cells: list[Cell], _event: Usage, time_ms: int, _digest: bytes) -> int:
        earliest = cells[self.index]
        if earliest is None or time_ms < earliest:
            cells[self.index] = time_ms
            return CHANGED
        return SAME

    def advance(self, cell: Cell, _now_ms: int) -> Reading:
        return cell, None

    def measure(self, cell: Cell, _now_ms: int) -> int | None:
        return cell
