"""The newest value of a numeric property. Cell: [time, id digest, millionths] or None.

Newest by time, then by id: the order of arrival does not matter.
"""

from __future__ import annotations

from kenko.engine.signals.kind import Reading
from kenko.engine.signals.values import MILLION, millionths
from schemas.usage_event import UsageEvent

Cell = list[int | bytes] | None


class LatestKind:
    """Raw value: millionths. No data before the first value, and again when it has grown stale."""

    def __init__(self, index: int, property_name: str, stale_after_ms: int | None) -> None:
        self.index = index
        self._property = property_name
        self._stale_after_ms = stale_after_ms

    def empty(self) -> Cell:
        return None

    def add(self, cells: list[Cell], event: UsageEvent, time_ms: int, digest: bytes) -> int:
        value = event.properties.get(self._property)
        if value is None:
            return 0
        amount = millionths(value)
        if amount is None:
            return 1
        newest: list[int | bytes] = [time_ms, digest, amount]
        cell = cells[self.index]
        if cell is None or cell < newest:
            cells[self.index] = newest
        return 0

    def advance(self, cell: Cell, now_ms: int) -> Reading:
        """A stale value stays in its cell: an older one that comes late must not pass for the newest."""
        raw = self.measure(cell, now_ms)
        if cell is None or raw is None or self._stale_after_ms is None:
            return raw, None
        return raw, int(cell[0]) + self._stale_after_ms

    def measure(self, cell: Cell, now_ms: int) -> int | None:
        if cell is None:
            return None
        time_ms, _, amount = cell
        if self._stale_after_ms is not None and now_ms >= int(time_ms) + self._stale_after_ms:
            return None
        return int(amount)

    def value(self, raw: int) -> float:
        return raw / MILLION
