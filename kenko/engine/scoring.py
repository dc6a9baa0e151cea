"""From raw values to a score with its points: curves, weights, missing inputs, caps. Integers from the curves on."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kenko.engine.curves import FULL, curve_health
from kenko.engine.signals.kind import SignalKind
from kenko.engine.weights import Shares, Weights, split_points
from kenko.model.spec import Cap, HealthModel, Input, Missing, Op
from schemas.health import centi

_MOST_CACHED = 4096
_WITHOUT_DATA: dict[Missing, int | None] = {
    Missing.REDISTRIBUTE: None,
    Missing.WORST: 0,
    Missing.NEUTRAL: FULL // 2,
}
_COMPARE: dict[Op, Callable[[float, float], bool]] = {
    Op.EQ: operator.eq,
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
    Op.LT: operator.lt,
    Op.LTE: operator.le,
}


class Scored(NamedTuple):
    """A score and how it came to be. Everything in hundredths."""

    score: int
    points: list[int]
    """By input."""
    healths: list[int | None]
    """By input; None: no data, and its weight went to others."""
    shares: Shares
    cap: int | None
    """Which cap bound, if any."""
    cap_points: int
    """What it took away: 0 or negative."""


class _Scale(NamedTuple):
    """One input, compiled."""

    place: int
    """Which signal it reads."""
    known: dict[int | None, int | None]
    """Health by raw value, as far as it has come up; None: what an input without data counts as."""
    health: Callable[[int], int]


def _scale(spec: Input, place: int, kind: SignalKind) -> _Scale:
    curve, value = curve_health(spec.curve), kind.value
    return _Scale(place, {None: _WITHOUT_DATA[spec.missing]}, lambda raw: curve(value(raw)))


class _Limit:
    """One cap, compiled."""

    def __init__(self, spec: Cap, place: int, kind: SignalKind) -> None:
        self.place = place
        self.at_most = centi(spec.at_most)
        self._tests = [(_COMPARE[test.op], test.operand) for test in spec.tests]
        self._value = kind.value

    def binds(self, raw: int | None) -> bool:
        if raw is None:
            return False
        value = self._value(raw)
        return all(compare(value, operand) for compare, operand in self._tests)


class Scoring:
    """The score of a model. Raw values come in the order of the model's signals."""

    def __init__(self, model: HealthModel, kinds: Sequence[SignalKind]) -> None:
        place = {signal.name: i for i, signal in enumerate(model.signals)}
        self.inputs = [(group, spec, place[spec.signal]) for group in model.groups for spec in group.inputs]
        self.caps = [(cap, place[cap.signal]) for cap in model.caps]
        self.reads = frozenset(at for _, _, at in self.inputs) | frozenset(at for _, at in self.caps)
        """Places of the signals that can change the score."""
        self._weights = Weights(model.groups)
        self._scales = [_scale(spec, at, kinds[at]) for _, spec, at in self.inputs]
        self._limits = [_Limit(cap, at, kinds[at]) for cap, at in self.caps]

    def score(self, raws: Sequence[int | None]) -> Scored | None:
        """The score of these raw values; None if no input has data."""
        healths: list[int | None] = []
        absent = 0
        with_data = 0
        for number, (place, known, compute) in enumerate(self._scales):
            raw = raws[place]
            if raw is not None:
                with_data += 1
                if raw not in known:
                    if len(known) >= _MOST_CACHED:
                        _forget(known)
                    known[raw] = compute(raw)
            health = known[raw]
            if health is None:
                absent |= 1 << number
            healths.append(health)
        shares = self._weights.shares(absent) if with_data else None
        if shares is None:
            return None
        score, points = split_points(shares, [health or 0 for health in healths])
        cap, cap_points = None, 0
        for number, limit in enumerate(self._limits):
            if limit.at_most < score + cap_points and limit.binds(raws[limit.place]):
                cap, cap_points = number, limit.at_most - score
        return Scored(score + cap_points, points, healths, shares, cap, cap_points)


def _forget(known: dict[int | None, int | None]) -> None:
    without_data = known[None]
    known.clear()
    known[None] = without_data
