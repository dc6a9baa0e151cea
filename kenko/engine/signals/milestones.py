"""Which share of a list of events has happened. Cell: the earliest time of each, or None."""

from __future__ import annotations

from fractions import Fraction

from kenko.engine.adding import CHANGED, SAME
from kenko.engine.signals.kind import Kept, Reading, Unit
from kenko.engine.usage import Usage

Cell = list[int | None]


class MilestonesKind(Kept, Unit):
    """Raw value: how many have happened. Passing time changes nothing."""

    def __init__(self, index: int, steps: tuple[str, ...]) -> None:
        self.index = index
        self.unit = Fraction(1, len(steps))
        self._place = {step: place for place, step in enumerate(steps)}

    def empty(self) -> Cell:
        return [None] * len(self._place)

    def add(self, cells: list[Cell], event: Usage, time_ms: int, _digest: bytes) -> int:
        cell = cells[self.index]
        place = self._place.get(event.event)
        if place is None:
            return SAME
        earliest = cell[place]
        if earliest is None or time_ms < earliest:
            cell[place] = time_ms
            return CHANGED
        return SAME

    def advance(self, cell: Cell, now_ms: int) -> Reading:
        return self.measure(cell, now_ms), None

    def measure(self, cell: Cell, _now_ms: int) -> int | None:
        return len(cell) - cell.count(None)
