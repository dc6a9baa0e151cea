"""Net promoter score of an account: the latest answer of each user. Cell: {keyed hash: [time, id digest, millionths]}.

Newest by time, then by id: the order of arrival does not matter. Answers without a user share the key 0, as if one
person had given them all.
"""

from __future__ import annotations

from typing import Any

from kenko.engine.adding import BAD, CHANGED, SAME
from kenko.engine.identity import tie_break
from kenko.engine.signals.kind import MILLIONTHS, Reading, Unit
from kenko.engine.signals.uniques import KeyedHash
from kenko.engine.signals.values import MILLION, millionths
from kenko.engine.usage import Usage
from kenko.model.signal_spec import Nps

Cell = dict[int, list[Any]]

_NOBODY = 0
_BEST = 10 * MILLION
_PROMOTES = 9 * MILLION
_DETRACTS = 6 * MILLION
_HUNDRED = 100 * MILLION
_EVER = -(1 << 63)


class NpsKind(Unit):
    """Raw value: millionths of the mean answer, or of promoters (9 and above) less detractors (6 and below) in percent
    of those who answered. Both rounded half up. No data while no answer counts.
    """

    unit = MILLIONTHS
    is_ordered_by_id = True

    def __init__(self, index: int, keyed_hash: KeyedHash, spec: Nps, horizon_ms: int) -> None:
        """`horizon_ms`: an event older than this is too late, so nothing older can come for a user any more."""
        self.index = index
        self._hash = keyed_hash
        self._property = spec.property
        self._stale_after_ms = spec.stale_after_ms
        self._kept_ms = max(horizon_ms, spec.stale_after_ms or 0)
        self._is_average = spec.is_average

    def empty(self) -> Cell:
        return {}

    def add(self, cells: list[Cell], event: Usage, time_ms: int, digest: bytes) -> int:
        value = event.properties.get(self._property)
        if value is None:
            return SAME
        amount = millionths(value)
        if amount is None or not 0 <= amount <= _BEST:
            return BAD
        cell = cells[self.index]
        user_id = event.user_id
        key = _NOBODY if user_id is None else self._hash(user_id)
        newest = [time_ms, tie_break(digest), amount]
        if key not in cell or cell[key] < newest:
            cell[key] = newest
            return CHANGED
        return SAME

    def advance(self, cell: Cell, now_ms: int) -> Reading:
        if not cell:
            return None, None
        stale_after_ms = self._stale_after_ms
        if stale_after_ms is None:
            return self._read(cell, _EVER)[0], None
        raw, oldest = self._read(cell, now_ms - stale_after_ms)
        return raw, None if oldest is None else oldest + stale_after_ms

    def forget(self, cell: Cell, now_ms: int) -> None:
        """A stale answer stays until the horizon has passed it: an older one that comes late must not pass for newest."""
        if self._stale_after_ms is None:
            return
        forgotten = now_ms - self._kept_ms
        for key in [key for key, answer in cell.items() if answer[0] < forgotten]:
            del cell[key]

    def measure(self, cell: Cell, now_ms: int) -> int | None:
        return self._read(cell, _EVER if self._stale_after_ms is None else now_ms - self._stale_after_ms)[0]

    def _read(self, cell: Cell, stale: int) -> tuple[int | None, int | None]:
        """The raw value of the answers later than `stale`, and the time of the oldest of them."""
        count = whole = 0
        oldest = None
        is_average = self._is_average
        for time_ms, _, amount in cell.values():
            if time_ms > stale:
                count += 1
                if oldest is None or time_ms < oldest:
                    oldest = time_ms
                if is_average:
                    whole += amount
                elif amount >= _PROMOTES:
                    whole += _HUNDRED
                elif amount <= _DETRACTS:
                    whole -= _HUNDRED
        return ((2 * whole + count) // (2 * count) if count else None), oldest
