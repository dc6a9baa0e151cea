"""The row as it is stored: the account's state, with what is long and easily made short packed.

    began, started    against the first event; last use and due: against the day of the newest evaluation
    standing          its first letter
    recency           against the last use; time to: against the first event
    sums              [first bucket, bytes]: whole numbers below 256, a byte each
                      [first bucket, [numbers]]: whole numbers, where one is larger
                      [first bucket, millionths, ...]: as in memory, where one is not whole
    unique            None where a signal with a longer window counts the same things: its cell holds these too
    latest            True where the newest of the answers that an NPS of the same property holds is the same

A row is written at almost every step and read at every miss, so each of these costs about a microsecond or is not done.
What can be short in memory as well is so there, and costs nothing here: days, traits, earlier evaluations (ADR 0011).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import repeat
from operator import floordiv, itemgetter
from typing import Any

from kenko.engine.signals.series import Series
from kenko.engine.signals.values import MILLION
from kenko.engine.signals.windows import bucket_size_ms
from kenko.engine.state import AccountState, decode_state, encode_state
from kenko.model.limits import DAY_MS
from kenko.model.signal_spec import Latest, Nps, Recency, Signal, Sum, TimeTo, Unique
from schemas.health import Standing

_BYTE = 256
_WHOLE = {number * MILLION: number for number in range(_BYTE)}
_MILLIONTHS = tuple(_WHOLE)
_SEVERAL = 3
"""Items of a series of more than one number."""
_STANDINGS = {"": "", **{standing[0]: str(standing) for standing in Standing}}


class RowPacker:
    """Writes and reads the rows of all models with the same stored signals."""

    def __init__(self, stored: Sequence[Signal]) -> None:
        """`stored`: the signals with a cell, in the order of their cells."""
        self._count = len(stored)
        self._sums = _places(stored, Sum)
        self._recencies, self._earliest = _places(stored, Recency), _places(stored, TimeTo)
        self._uniques = tuple(_held(stored))
        self._latest = tuple(_answered(stored))

    def encode(self, state: AccountState) -> bytes:
        """The row of an account."""
        stored = copy(state)
        stored.signals = self._packed(state)
        first_ms, day_ms = state.first_seen_ms or 0, DAY_MS * (state.closes_day or 0)
        if stored.began_ms is not None:
            stored.began_ms -= first_ms
        if stored.started_ms is not None:
            stored.started_ms -= first_ms
        if stored.last_seen_ms is not None:
            stored.last_seen_ms -= day_ms
        if stored.due_ms is not None:
            stored.due_ms -= day_ms
        stored.standing = stored.standing[:1]
        return encode_state(stored)

    def decode(self, row: bytes) -> AccountState:
        """The reverse of `encode`. Raises msgspec.DecodeError for bytes that are no row, ValueError for other signals'."""
        state = decode_state(row)
        first_ms, day_ms = state.first_seen_ms or 0, DAY_MS * (state.closes_day or 0)
        if state.began_ms is not None:
            state.began_ms += first_ms
        if state.started_ms is not None:
            state.started_ms += first_ms
        if state.last_seen_ms is not None:
            state.last_seen_ms += day_ms
        if state.due_ms is not None:
            state.due_ms += day_ms
        state.standing = _STANDINGS[state.standing]
        self._unpack(state)
        return state

    def _packed(self, state: AccountState) -> list[Any]:
        """The account's cells as they are stored."""
        cells = state.signals.copy()
        for place in self._recencies:
            if cells[place] is not None:
                cells[place] -= state.last_seen_ms or 0
        for place in self._earliest:
            if cells[place] is not None:
                cells[place] -= state.first_seen_ms or 0
        for place in self._sums:
            cells[place] = pack_sums(cells[place])
        for place, _ in self._uniques:
            cells[place] = None
        for place, answers in self._latest:
            if cells[place] is not None and cells[place] in cells[answers].values():
                cells[place] = True
        return cells

    def _unpack(self, state: AccountState) -> None:
        """The reverse of `_packed`, in place; times of the row itself come before it."""
        cells = state.signals
        if len(cells) != self._count:
            raise ValueError("the row belongs to a model with other signals")
        for place in self._recencies:
            if cells[place] is not None:
                cells[place] += state.last_seen_ms or 0
        for place in self._earliest:
            if cells[place] is not None:
                cells[place] += state.first_seen_ms or 0
        for place in self._sums:
            cells[place] = unpack_sums(cells[place])
        for place, holder in self._uniques:
            cells[place] = dict(cells[holder])
        for place, answers in self._latest:
            if cells[place] is True:
                # The list itself: a cell of this kind is replaced, and never written into.
                cells[place] = max(cells[answers].values())


def pack_sums(series: Series) -> Series | list[Any]:
    """A series of millionths. People sum minutes, seats and amounts: mostly whole numbers."""
    if len(series) < _SEVERAL:
        return series
    numbers = series[1:]
    try:
        return [series[0], bytes(itemgetter(*numbers)(_WHOLE))]
    except KeyError:
        whole = list(map(floordiv, numbers, repeat(MILLION)))
        return [series[0], whole] if sum(whole) * MILLION == sum(numbers) else series


def unpack_sums(packed: list[Any]) -> Series:
    """The reverse of `pack_sums`."""
    if not packed or type(packed[1]) is int:
        return packed
    if type(packed[1]) is bytes:
        return [packed[0], *itemgetter(*packed[1])(_MILLIONTHS)]
    return [packed[0], *map(MILLION.__mul__, packed[1])]


def _places(stored: Sequence[Signal], aggregate: type) -> tuple[int, ...]:
    return tuple(place for place, signal in enumerate(stored) if isinstance(signal.aggregate, aggregate))


def _held(stored: Sequence[Signal]) -> list[tuple[int, int]]:
    """The unique counts whose entries another cell holds too, each with that cell: the one with the longest window among
    those that count the same in the same buckets. What is too old for the shorter window counts in neither.
    """
    found = []
    for place, signal in enumerate(stored):
        if isinstance(signal.aggregate, Unique):
            alike = [at for at, other in enumerate(stored) if _counts_alike(signal, other)]
            holder = max(alike, key=lambda at: stored[at].window_ms or 0)
            if holder != place:
                found.append((place, holder))
    return found


def _counts_alike(one: Signal, other: Signal) -> bool:
    buckets = (bucket_size_ms(signal.window_ms or 0) for signal in (one, other))
    return one.match == other.match and one.aggregate == other.aggregate and next(buckets) == next(buckets)


def _answered(stored: Sequence[Signal]) -> list[tuple[int, int]]:
    """The latest values that may be among the answers of an NPS, each with the cell of the first such NPS."""
    found = {
        place: at
        for place, latest in enumerate(stored)
        for at, nps in reversed(list(enumerate(stored)))
        if isinstance(latest.aggregate, Latest)
        and isinstance(nps.aggregate, Nps)
        and latest.match == nps.match
        and latest.aggregate.property == nps.aggregate.property
    }
    return list(found.items())
