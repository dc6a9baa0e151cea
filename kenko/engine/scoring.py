"""From raw values to a score with its points: curves, weights, missing inputs, caps. Integers from the curves on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from kenko.engine.comparing import raw_test
from kenko.engine.curves import FULL, curve_health
from kenko.engine.signals.table import SignalTable
from kenko.engine.weights import Shares, Weights, split_points, total
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

    def again(
        self, before: Scored, columns: int, raws: Sequence[int | None], lasting: Mapping[int, int]
    ) -> Scored | None:
        """As `score`, when `before` is the score of the same values but for these columns, a bit each."""
        if self.lasting or columns < 0:
            return self.score(raws, lasting)
        healths, absent = before.healths, before.absent
        for number, (column, _, known, compute) in self._inputs_of(columns):
            raw = raws[column]
            if raw is None:
                return self.score(raws, lasting)
            try:
                health = known[raw]
            except KeyError:
                health = _remember(known, raw, compute)
            if health != healths[number] or absent >> number & 1:
                if healths is before.healths:
                    healths = healths.copy()
                healths[number] = health or 0
                absent &= ~(1 << number)
        shares = before.shares if absent == before.absent else self._weights.shares(absent)
        if shares is None:
            return None
        return self._capped(total(shares, healths), healths, absent, shares, raws)

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
        return self._capped(total(shares, healths), healths, absent, shares, raws)

    def _capped(
        self, score: int, healths: list[int], absent: int, shares: Shares, raws: Sequence[int | None]
    ) -> Scored:
        cap, cap_points = None, 0
        for number, (at_most, column, passes) in enumerate(self._limits):
            raw = raws[column]
            if raw is not None and passes(raw) and at_most < score + cap_points:
                cap, cap_points = number, at_most - score
        return Scored(score + cap_points, healths, absent, shares, cap, cap_points)


def _remember(known: dict[int | None, int | None], raw: int | None, compute: Callable[[int], int]) -> int | None:
    """The health of a value that has not come up before, or not lately."""
    if raw is None:
        raise KeyError(raw)
    if len(known) >= _MOST_CACHED:
        without_data = known[None]
        known.clear()
        known[None] = without_data
    health = known[raw] = compute(raw)
    return health
