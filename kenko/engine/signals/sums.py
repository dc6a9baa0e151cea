"""Sum of a numeric property over a window, exact: in millionths. Cell: a series of millionths (see `series`)."""

from __future__ import annotations

from kenko.engine.adding import BAD, CHANGED, SAME
from kenko.engine.signals.counts import Buckets
from kenko.engine.signals.kind import MILLIONTHS
from kenko.engine.signals.series import MOST, Series, forget, held, make_room
from kenko.engine.signals.values import millionths
from kenko.engine.signals.windows import bucket_size_ms
from kenko.engine.usage import Usage


class SumKind(Buckets):
    """Sum of a property. An event without it adds nothing."""

    unit = MILLIONTHS

    def __init__(self, index: int, window_ms: int, span_ms: int, property_name: str) -> None:
        super().__init__(index, window_ms, span_ms, bucket_size_ms(window_ms))
        self._property = property_name

    def add(self, cells: list[Series], event: Usage, time_ms: int, _digest: bytes) -> int:
        value = event.properties.get(self._property)
        if value is None:
            return SAME
        amount = millionths(value)
        if amount is None:
            return BAD
        cell = cells[self.index]
        bucket = time_ms // self.bucket_ms
        if not (cell and 0 < (place := bucket - cell[0] + 1) < len(cell)):
            place = make_room(cell, bucket, self._keep)
            if not place:
                return SAME
        amount += cell[place]
        cell[place] = amount if -MOST < amount < MOST else held(amount)
        if not amount:
            forget(cell, cell[0] - 1)  # amounts that cancel out must leave the same series as none
        return CHANGED
