"""From the stored signals of a model to compiled ones."""

from __future__ import annotations

from kenko.engine.signals.active_days import ActiveDaysKind
from kenko.engine.signals.counts import CountKind
from kenko.engine.signals.earliest import EarliestKind
from kenko.engine.signals.kind import SignalKind
from kenko.engine.signals.latest import LatestKind
from kenko.engine.signals.milestones import MilestonesKind
from kenko.engine.signals.nps import NpsKind
from kenko.engine.signals.readers import recency_steps
from kenko.engine.signals.recency import RecencyKind
from kenko.engine.signals.sums import SumKind
from kenko.engine.signals.uniques import KeyedHash, UniqueUsersKind, UniqueValuesKind
from kenko.model.signal_spec import ActiveDays, Count, Latest, Milestones, Nps, Recency, Signal, Sum, TimeTo, Unique
from kenko.model.spec import HealthModel


def compile_signals(model: HealthModel, keyed_hash: KeyedHash) -> tuple[SignalKind, ...]:
    """One compiled signal for each of the model's stored ones, in the order of their cells."""
    return tuple(_compile(index, signal, model, keyed_hash) for index, signal in enumerate(model.stored))


def _compile(index: int, signal: Signal, model: HealthModel, keyed_hash: KeyedHash) -> SignalKind:  # noqa: C901, PLR0911 - one case a kind
    window_ms, span_ms = signal.window_ms or 0, model.span_ms(signal) or 0
    match signal.aggregate:
        case Count():
            return CountKind(index, window_ms, span_ms)
        case Sum(property=name):
            return SumKind(index, window_ms, span_ms, name)
        case Unique(property=None):
            return UniqueUsersKind(index, window_ms, keyed_hash)
        case Unique(property=str() as name):
            return UniqueValuesKind(index, window_ms, keyed_hash, name)
        case ActiveDays():
            return ActiveDaysKind(index, window_ms, span_ms)
        case Latest(property=name, stale_after_ms=stale_after_ms):
            return LatestKind(index, name, stale_after_ms)
        case Nps() as nps:
            return NpsKind(index, keyed_hash, nps, model.horizon_ms)
        case Recency():
            return RecencyKind(index, *recency_steps(signal.name, model))
        case Milestones(steps=steps):
            return MilestonesKind(index, steps)
        case TimeTo():
            return EarliestKind(index)
    raise TypeError(f"{signal.name}: {type(signal.aggregate).__name__} is stored in no cell")
