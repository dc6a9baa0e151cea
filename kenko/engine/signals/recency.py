"""Days since the newest event, in steps. Cell: time of the newest event, or None.

Steps keep a silent account from being scored at every tick: the value moves once a grain, until no curve, cap or rule
that reads it can move any more (see `readers`).
"""

from __future__ import annotations

from fractions import Fraction
from math import inf

from kenko.engine.adding import CHANGED, SAME
from kenko.engine.signals.kind import Kept, Reading, Unit
from kenko.engine.usage import Usage
from kenko.model.limits import DAY_MS, HOUR_MS

Cell = int | None
_PER_SPAN = 28


def grain_ms(span_ms: float) -> int:
    """The step for a curve that changes over `span_ms`: about a 28th, an hour at least and a day at most."""
    return max(HOUR_MS, min(DAY_MS, int(span_ms / _PER_SPAN)))


class RecencyKind(Kept, Unit):
    """Raw value: whole grains passed since the newest event. An event ahead of now counts as now."""

    def __init__(self, index: int, grain: int, flat_after_ms: float) -> None:
        """`flat_after_ms`: the age from which on nothing that reads the value changes."""
        self.index = index
        self.unit = Fraction(grain, DAY_MS)
        self._grain_ms = grain
        self._flat_steps = inf if flat_after_ms == inf else -int(-flat_after_ms // grain) + 1

    def empty(self) -> Cell:
        return None

    def add(self, cells: list[Cell], _event: Usage, time_ms: int, _digest: bytes) -> int:
        newest = cells[self.index]
        if newest is None or newest < time_ms:
            cells[self.index] = time_ms
            return CHANGED
        return SAME

    def advance(self, cell: Cell, now_ms: int) -> Reading:
        if cell is None:
            return None, None
        steps = (now_ms - cell) // self._grain_ms if now_ms > cell else 0
        return steps, cell + (steps + 1) * self._grain_ms if steps < self._flat_steps else None

    def measure(self, cell: Cell, now_ms: int) -> int | None:
        return None if cell is None else max(0, now_ms - cell) // self._grain_ms
