"""From the signals of a model to compiled ones."""

from __future__ import annotations

from kenko.engine.signals.counts import ActiveDaysKind, CountKind
from kenko.engine.signals.kind import SignalKind
from kenko.engine.signals.latest import LatestKind
from kenko.engine.signals.milestones import MilestonesKind
from kenko.engine.signals.recency import RecencyKind, grain_ms
from kenko.engine.signals.sums import SumKind
from kenko.engine.signals.uniques import KeyedHash, UniqueUsersKind, UniqueValuesKind
from kenko.model.limits import DAY_MS
from kenko.model.spec import (
    ActiveDays,
    Count,
    HalfLife,
    HealthModel,
    Latest,
    Milestones,
    Signal,
    Sum,
    Unique,
)

_FLAT_HALF_LIVES = 15
"""After 15 half-lives 100 points are 0.003: 0.00 in hundredths."""


def compile_signals(model: HealthModel, keyed_hash: KeyedHash) -> tuple[SignalKind, ...]:
    """One compiled signal for each of the model's, in its order."""
    return tuple(_compile(index, signal, model, keyed_hash) for index, signal in enumerate(model.signals))


def _compile(index: int, signal: Signal, model: HealthModel, keyed_hash: KeyedHash) -> SignalKind:  # noqa: PLR0911 - one return a kind
    window_ms = signal.window_ms or 0
    match signal.aggregate:
        case Count():
            return CountKind(index, window_ms)
        case Sum(property=name):
            return SumKind(index, window_ms, name)
        case Unique(property=None):
            return UniqueUsersKind(index, window_ms, keyed_hash)
        case Unique(property=str() as name):
            return UniqueValuesKind(index, window_ms, keyed_hash, name)
        case ActiveDays():
            return ActiveDaysKind(index, window_ms)
        case Latest(property=name, stale_after_ms=stale_after_ms):
            return LatestKind(index, name, stale_after_ms)
        case Milestones(steps=steps):
            return MilestonesKind(index, steps)
        case _:
            return _compile_recency(index, signal.name, model)


def _compile_recency(index: int, name: str, model: HealthModel) -> RecencyKind:
    grains: list[int] = []
    flat: list[float] = [0]
    for curve in (i.curve for group in model.groups for i in group.inputs if i.signal == name):
        if isinstance(curve, HalfLife):
            grains.append(grain_ms(curve.half_life_ms))
            flat.append(_FLAT_HALF_LIVES * curve.half_life_ms)
        else:
            first, last = curve.points[0][0] * DAY_MS, curve.points[-1][0] * DAY_MS
            grains.append(grain_ms(last - max(0, first)))
            flat.append(last)
    for days in (test.operand for cap in model.caps if cap.signal == name for test in cap.tests):
        grains.append(grain_ms(days * DAY_MS))
        flat.append(days * DAY_MS)
    return RecencyKind(index, min(grains, default=DAY_MS), max(flat))
