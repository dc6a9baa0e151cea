"""From the derived signals of a model, and its inputs with `per`, to what computes their columns."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from kenko.engine.signals.account_time import days_to_renewal, tenure, time_to
from kenko.engine.signals.active_days import ActiveDaysKind
from kenko.engine.signals.counts import Buckets
from kenko.engine.signals.kind import MILLIONTHS, WHOLE, SignalKind
from kenko.engine.signals.quotients import (
    Derive,
    by_signal,
    by_trait,
    scaled,
    trait_by_signal,
    trait_by_trait,
    trait_raw,
)
from kenko.engine.signals.trends import trend
from kenko.model.score_spec import Input
from kenko.model.signal_spec import DaysToRenewal, Ratio, Reference, Signal, Tenure, TimeTo, TraitValue, Trend
from kenko.model.spec import HealthModel

Hidden = tuple[str, Reference | None, float]
"""What tells a hidden column from another: the signal, `per` and `scale` of the inputs that read it."""

Columns = Mapping[str, tuple[int, Fraction]]
"""Signal -> its column, and what one of its raw values is."""


def unit_of(signal: Signal, kinds: Mapping[str, SignalKind]) -> Fraction:
    """What one of the signal's raw values is. `kinds`: the stored signals by name."""
    if signal.name in kinds:
        return kinds[signal.name].unit
    return WHOLE if isinstance(signal.aggregate, Tenure | DaysToRenewal) else MILLIONTHS


def rank(name: str, signals: Mapping[str, Signal], above: tuple[str, ...] = ()) -> int:
    """Order in which columns are computed: what is read comes before what reads it. ValueError for a circle."""
    aggregate = signals[name].aggregate
    if not isinstance(aggregate, Ratio):
        return 0
    if name in above:
        raise ValueError(f"{name}: a ratio cannot read itself")
    operands = (aggregate.numerator, aggregate.denominator)
    return 1 + max((rank(o.name, signals, (*above, name)) for o in operands if not o.is_trait), default=0)


def dependents(model: HealthModel, columns: Mapping[str, int], hidden: Mapping[Hidden, int]) -> list[int]:
    """By column: the columns whose values may change when its own does, itself among them, a bit each."""
    reads = _reads(model, columns, hidden)
    touching = [1 << column for column in range(len(reads))]
    for _ in reads:  # a ratio may read a ratio: as many steps as there are columns are enough
        for column, read in reads.items():
            for other in read:
                touching[other] |= touching[column]
    return touching


def operands(model: HealthModel, columns: Mapping[str, int], hidden: Mapping[Hidden, int]) -> list[int]:
    """By column: the columns that it is a quotient of, a bit each: as long as these and all traits stay as they are, so
    does it. -1: no quotient, something else moves it too.
    """
    reads = _reads(model, columns, hidden)
    others = {columns[signal.name] for signal in model.signals if not isinstance(signal.aggregate, Ratio)}
    return [-1 if at in others else sum(1 << column for column in reads[at]) for at in range(len(reads))]


def _reads(model: HealthModel, columns: Mapping[str, int], hidden: Mapping[Hidden, int]) -> dict[int, set[int]]:
    """By column: the columns that it is derived from."""
    reads = {columns[signal.name]: {columns[name] for name in _read_by(signal)} for signal in model.signals}
    for (name, per, _), column in hidden.items():
        reads[column] = {columns[name]} | ({columns[per.name]} if per is not None and not per.is_trait else set())
    return reads


def _read_by(signal: Signal) -> list[str]:
    match signal.aggregate:
        case Trend(of=of):
            return [of]
        case Ratio(numerator=numerator, denominator=denominator):
            return [operand.name for operand in (numerator, denominator) if not operand.is_trait]
    return []


def derive_signal(  # noqa: PLR0911 - one case a kind
    signal: Signal, columns: Columns, kinds: Mapping[str, SignalKind]
) -> Derive | None:
    """What computes the signal's column; None where its cell says all. Raises ValueError for one that cannot be."""
    column = columns[signal.name][0]
    match signal.aggregate:
        case TimeTo():
            return lambda state, now_ms, raws, _changes: time_to(state, raws[column], now_ms)
        case Tenure():
            return lambda state, now_ms, _raws, _changes: tenure(state, now_ms)
        case DaysToRenewal():
            return lambda state, now_ms, _raws, _changes: days_to_renewal(state, now_ms)
        case TraitValue(trait=trait):
            return lambda state, _now_ms, _raws, _changes: (trait_raw(state, trait), None)
        case Trend(of=of, baseline_ms=baseline_ms):
            if isinstance(kind := kinds.get(of), Buckets | ActiveDaysKind):
                return trend(kind, columns[of][0], baseline_ms)
            raise ValueError(f"{signal.name}: a trend is of a count, a sum or active days, and {of!r} is none")
        case Ratio(numerator=numerator, denominator=denominator):
            return _ratio(numerator, denominator, columns)
    return None


def derive_input(spec: Input, columns: Columns) -> Derive:
    """What computes the hidden column of an input with `per` (or only a `scale`)."""
    column, unit = columns[spec.signal]
    scale = Fraction(str(spec.scale))  # as it was written, not as binary has it
    per = spec.per
    if per is None:
        return scaled(column, unit, scale)
    if per.is_trait:
        return by_trait(column, unit, per.name, scale)
    return by_signal(column, unit, *columns[per.name], scale)


def _ratio(over: Reference, under: Reference, columns: Columns) -> Derive:
    if over.is_trait:
        if under.is_trait:
            return trait_by_trait(over.name, under.name)
        return trait_by_signal(over.name, *columns[under.name])
    if under.is_trait:
        return by_trait(*columns[over.name], under.name, Fraction(1))
    return by_signal(*columns[over.name], *columns[under.name], Fraction(1))
