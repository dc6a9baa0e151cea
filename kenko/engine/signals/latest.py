"""The newest value of a numeric property. Cell: [time, id digest, millionths] or None.

Newest by time, then by id: the order of arrival does not matter.
"""

from __future__ import annotations

from typing import Any

from kenko.engine.adding import BAD, CHANGED, SAME
from kenko.engine.identity import tie_break
from kenko.engine.signals.kind import MILLIONTHS, Kept, Reading, Unit
from kenko.engine.signals.values import millionths
from kenko.engine.usage import Usage

Cell = list[Any] | None


class LatestKind(Kept, Unit):
    """Raw value: millionths. No data before the first value, and again when it has grown stale."""

    unit = MILLIONTHS
    is_ordered_by_id = True

    def __init__(self, index: int, property_name: str, stale_after_ms: int | None) -> None:
        self.index = index
        self._property = property_name
        self._stale_after_ms = stale_after_ms

    def empty(self) -> Cell:
        return None

    def add(self, cells: list[Cell], event: Usage, time_ms: int, digest: bytes) -> int:
        value = event.properties.get(self._property)
        if value is None:
            return SAME
        amount = millionths(value)
        if amount is None:
            return BAD
        newest = [time_ms, tie_break(digest), amount]
        cell = cells[self.index]
        if cell is None or cell < newest:
            cells[self.index] = newest
            return CHANGED
        return SAME

    def advance(self, cell: Cell, now_ms: int) -> Reading:
        """A stale value stays in its cell: an older one that comes late must not pass for the newest."""
        if cell is None:
            return None, None
        time_ms, _, amount = cell
        if self._stale_after_ms is None:
            return amount, None
        stale_ms = time_ms + self._stale_after_ms
        return (amount, stale_ms) if now_ms < stale_ms else (None, None)

    def measure(self, cell: Cell, now_ms: int) -> int | None:
        return self.advance(cell, now_ms)[0]
