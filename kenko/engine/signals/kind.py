"""What every kind of stored signal can do.

A cell is a signal's accumulator: `cells[index]` of a row. Cells hold only what msgpack holds, so a row is its cells.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Protocol

from kenko.engine.signals.values import MILLION
from kenko.engine.usage import Usage

Reading = tuple[int | None, int | None]
"""A raw value (None: no data), and when passing time alone changes it next (None: never)."""

WHOLE = Fraction(1)
MILLIONTHS = Fraction(1, MILLION)


class Kept:
    """A kind whose cells hold nothing that could be dropped."""

    def forget(self, _cell: Any, _now_ms: int) -> None:
        """Nothing to drop."""


class Unit:
    """What one of a raw value is in the unit people read and curves take: exact, so that quotients are too."""

    unit: Fraction
    is_ordered_by_id = False

    def value(self, raw: int) -> float:
        """A raw value in the unit people read and curves take."""
        unit = self.unit
        return raw * unit.numerator / unit.denominator


class SignalKind(Protocol):
    """A compiled signal."""

    index: int
    """Place of its cell in a row."""
    unit: Fraction
    is_ordered_by_id: bool
    """Of two events at one time the id decides. Else `add` may be given any digest."""

    def empty(self) -> Any:
        """The cell of an account without events."""

    def add(self, cells: list[Any], event: Usage, time_ms: int, digest: bytes, /) -> int:
        """Take one event in. `digest` is the event's id. Answers what that did: see `adding`."""

    def advance(self, cell: Any, now_ms: int, /) -> Reading:
        """Read the cell at `now_ms`, the newest time so far. Changes nothing."""

    def forget(self, cell: Any, now_ms: int, /) -> None:
        """Drop what can no longer count at `now_ms` or after it."""

    def measure(self, cell: Any, now_ms: int, /) -> int | None:
        """The raw value at `now_ms`, in the kind's own integer unit; None: no data. Changes nothing."""

    def value(self, raw: int, /) -> float:
        """A raw value in the unit people read and curves take."""
