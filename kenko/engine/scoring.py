"""From raw values to a score with its points: curves, weights, missing inputs, caps. Integers from the curves on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import mul
from typing import NamedTuple

from kenko.engine.comparing import raw_test
from kenko.engine.curves import FULL, curve_health
from kenko.engine.signals.table import SignalTable
from kenko.engine.weights import Shares, Weights, rounded, split_points
from kenko.model.score_spec import Cap, Input, Missing, Policy
from schemas.health import centi

_MOST_CACHED = 4096
_WITHOUT_DATA: dict[Missing, int | None] = {
    Missing.REDISTRIBUTE: None,
    Missing.WORST: 0,
    Missing.NEUTRAL: FULL // 2,
    Missing.LAST: None,
}


class Scored(NamedTuple):
    """A score and how it came to be. Everything in hundredths."""

    score: int
    healths: list[int]
    """By input."""
    absent: int
    """Bit i: input i has no data, and its weight went to others; its health is 0 here."""
    shares: Shares
    exact: int
    """The sum of each share's part times its health: the score before the cap, times the whole."""
    capped_by: int
    """Bit i: what cap i asks for is so, whether or not it binds."""
    cap: int | None
    """Which cap bound, if any."""
    cap_points: int
    """What it took away: 0 or negative."""

    def points(self) -> list[int]:
        """By input, before the cap. Only receipts ask for them, so they are worked out then."""
        return split_points(self.shares, self.healths)[1]


class _Scale(NamedTuple):
    """One input, compiled."""

    column: int
    """Which value it reads."""
    lasts: bool
    """Without data it counts as when it last had some."""
    known: dict[int | None, int | None]
    """Health by raw value, as far as it has come up; None: what an input without data counts as."""
    health: Callable[[int], int]


def _scale(spec: Input, column: int, table: SignalTable) -> _Scale:
    curve, value = curve_health(spec.curve), table.value
    known: dict[int | None, int | None] = {None: _WITHOUT_DATA[spec.missing]}
    return _Scale(column, spec.missing is Missing.LAST, known, lambda raw: curve(value(column, raw)))


class _Limit(NamedTuple):
    """One cap, compiled."""

    at_most: int
    """Hundredths."""
    column: int
    passes: Callable[[int], bool]


def _limit(spec: Cap, column: int, table: SignalTable) -> _Limit:
    return _Limit(centi(spec.at_most), column, raw_test(spec.tests, table.unit(column)))


class Scoring:
    """The score of one policy. Raw values come by column of the table."""

    def __init__(self, policy: Policy, table: SignalTable) -> None:
        self.inputs = [(group, spec, table.column_of_input(spec)) for group in policy.groups for spec in group.inputs]
        self.caps = [(cap, table.column_of(cap.signal)) for cap in policy.caps]
        self.lasting = frozenset(at for _, spec, at in self.inputs if spec.missing is Missing.LAST)
        """Columns whose last value is kept."""
        self._weights = Weights(policy.groups)
        self._inputs_of = lru_cache(_MOST_CACHED)(self._find_inputs)
        self._scales = [_scale(spec, at, table) for _, spec, at in self.inputs]
        self._limits = [_limit(cap, at, table) for cap, at in self.caps]
        self._limits_of = lru_cache(_MOST_CACHED)(self._find_limits)
        self._lowest_cap = lru_cache(_MOST_CACHED)(self._find_lowest_cap)

    def again(
        self, before: Scored, columns: int, raws: Sequence[int | None], lasting: Mapping[int, int]
    ) -> Scored | None:
        """As `score`, when `before` is the score of the same values but for these columns, a bit each."""
        if self.lasting or columns < 0:
            return self.score(raws, lasting)
        _, healths, absent, shares, exact, capped_by, _, _ = before
        for number, (column, _, known, compute) in self._inputs_of(columns):
            raw = raws[column]
            if raw is None or absent >> number & 1:
                return self.score(raws, lasting)  # it lost its data, or has some now: weights move
            try:
                health = known[raw] or 0
            except KeyError:
                health = _remember(known, raw, compute)
            was = healths[number]
            if health != was:
                if healths is before.healths:
                    healths = healths.copy()
                healths[number] = health
                exact += shares.parts[number] * (health - was)
        capped_by = self._cap(capped_by, columns, raws)
        if healths is before.healths and capped_by == before.capped_by:
            return before
        return self._scored(healths, absent, shares, exact, capped_by)

    def _find_inputs(self, columns: int) -> tuple[tuple[int, _Scale], ...]:
        return tuple((number, scale) for number, scale in enumerate(self._scales) if columns >> scale.column & 1)

    def score(self, raws: Sequence[int | None], lasting: Mapping[int, int]) -> Scored | None:
        """The score of these raw values; None if no input has data.

        `lasting`: the newest value of the columns that count as when they last had data.
        """
        healths: list[int] = []
        absent = 0
        with_data = False
        for number, (column, lasts, known, compute) in enumerate(self._scales):
            raw = raws[column]
            if raw is None and lasts:
                raw = lasting.get(column)
            try:
                health = known[raw]
            except KeyError:
                health = _remember(known, raw, compute)
            if raw is not None:
                with_data = True
            if health is None:
                absent |= 1 << number
                health = 0
            healths.append(health)
        shares = self._weights.shares(absent) if with_data else None
        if shares is None:
            return None
        exact = sum(map(mul, shares.parts, healths))
        return self._scored(healths, absent, shares, exact, self._cap(0, -1, raws))

    def _scored(self, healths: list[int], absent: int, shares: Shares, exact: int, capped_by: int) -> Scored:
        score = rounded(exact, shares.whole)
        if capped_by:
            cap = self._lowest_cap(capped_by)
            at_most = self._limits[cap].at_most
            if at_most < score:
                return Scored(at_most, healths, absent, shares, exact, capped_by, cap, at_most - score)
        return Scored(score, healths, absent, shares, exact, capped_by, None, 0)

    def _cap(self, capped_by: int, columns: int, raws: Sequence[int | None]) -> int:
        """The caps whose condition holds, a bit each, where these columns alone have another value."""
        for bit, (_, column, passes) in self._limits_of(columns):
            raw = raws[column]
            if raw is not None and passes(raw):
                capped_by |= bit
            else:
                capped_by &= ~bit
        return capped_by

    def _find_limits(self, columns: int) -> tuple[tuple[int, _Limit], ...]:
        return tuple((1 << number, limit) for number, limit in enumerate(self._limits) if columns >> limit.column & 1)

    def _find_lowest_cap(self, capped_by: int) -> int:
        """Of these caps the first that leaves the fewest points."""
        found = [number for number in range(len(self._limits)) if capped_by >> number & 1]
        return min(found, key=lambda number: self._limits[number].at_most)


def _remember(known: dict[int | None, int | None], raw: int | None, compute: Callable[[int], int]) -> int:
    """The health of a value that has not come up before, or not lately."""
    if raw is None:
        raise KeyError(raw)
    if len(known) >= _MOST_CACHED:
        without_data = known[None]
        known.clear()
        known[None] = without_data
    health = known[raw] = compute(raw)
    return health
