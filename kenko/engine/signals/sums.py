"""Sum of a numeric property over a window, exact: in millionths. Cell: {bucket: millionths}."""

from __future__ import annotations

from kenko.engine.signals.counts import Buckets, Cell
from kenko.engine.signals.values import MILLION, millionths
from kenko.engine.signals.windows import bucket_size_ms
from schemas.usage_event import UsageEvent

_MOST = 1 << 62
"""A bucket stands still at 4.6e12 units: msgpack holds 64 bits."""


class SumKind(Buckets):
    """Sum of a property. An event without it adds nothing."""

    def __init__(self, index: int, window_ms: int, property_name: str) -> None:
        super().__init__(index, window_ms, bucket_size_ms(window_ms))
        self._property = property_name

    def add(self, cells: list[Cell], event: UsageEvent, time_ms: int, _digest: bytes) -> int:
        value = event.properties.get(self._property)
        if value is None:
            return 0
        amount = millionths(value)
        if amount is None:
            return 1
        cell = cells[self.index]
        bucket = time_ms // self._bucket_ms
        total = cell.get(bucket, 0) + amount
        cell[bucket] = total if -_MOST < total < _MOST else max(-_MOST, min(total, _MOST))
        return 0

    def value(self, raw: int) -> float:
        return raw / MILLION
