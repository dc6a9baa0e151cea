"""Signals that are worked out from others: `ratio` and `trend`, and `trait`."""

from __future__ import annotations

from kenko.model.limits import DAY_MS
from kenko.model.nodes import Place, did_you_mean
from kenko.model.signal_spec import ActiveDays, Count, Ratio, Signal, Sum, TraitValue, Trend
from kenko.model.vocabulary import TRAIT_PREFIX, Vocabulary

MOST_WINDOWS = 26
"""Longest baseline of a trend, in windows of its signal."""
LONGEST_LOOK_BACK_MS = 400 * DAY_MS
"""Window and baseline together."""
_SERIES = Count | Sum | ActiveDays


def read_ratio(place: Place, known: Vocabulary) -> Ratio | None:
    """`ratio: {numerator: reports, denominator: trait.seats}`."""
    fields = place.fields(("numerator", "denominator"), required=("numerator", "denominator")) or {}
    numerator = known.read_reference(fields["numerator"]) if "numerator" in fields else None
    denominator = known.read_reference(fields["denominator"]) if "denominator" in fields else None
    if numerator is None or denominator is None:
        return None
    if numerator == denominator:
        fields["denominator"].mistake("a ratio of a thing to itself is always 1")
    return Ratio(numerator=numerator, denominator=denominator)


def read_trend(place: Place, known: Vocabulary) -> Trend | None:
    """`trend: {of: minutes, baseline: 84d}`."""
    fields = place.fields(("of", "baseline"), required=("of", "baseline")) or {}
    of = known.read_signal(fields["of"]) if "of" in fields else None
    baseline = fields["baseline"].duration() if "baseline" in fields else None
    if of is None:
        return None
    signal = known.signals.get(of)
    if of in known.derived or (signal is not None and not isinstance(signal.aggregate, _SERIES)):
        fields["of"].mistake(
            f"a trend is of a count, a sum or active days, and {of!r} is none of them",
            did_you_mean(of, [s.name for s in known.signals.values() if isinstance(s.aggregate, _SERIES)]),
        )
        return None
    if baseline is None:
        return None
    if signal is not None and signal.window_ms:
        _check_baseline(fields["baseline"], baseline, signal, signal.window_ms)
    return Trend(of=of, baseline_ms=baseline)


def _check_baseline(place: Place, baseline_ms: int, signal: Signal, window_ms: int) -> None:
    if not window_ms <= baseline_ms <= MOST_WINDOWS * window_ms:
        place.mistake(f"a baseline is 1 to {MOST_WINDOWS} times the window of {signal.name!r}", "3 times is usual")
    elif window_ms + baseline_ms > LONGEST_LOOK_BACK_MS:
        place.mistake(f"the window of {signal.name!r} and the baseline together are at most 400d")


def read_trait_value(place: Place, known: Vocabulary) -> TraitValue | None:
    """`trait: seats`."""
    name = place.text("the name of a trait")
    if name is None:
        return None
    if name.startswith(TRAIT_PREFIX):
        place.mistake(f"expected the name of a trait, found {name!r}", f"did you mean {name[len(TRAIT_PREFIX) :]!r}?")
        return None
    trait = known.numeric_trait(place, name)
    return None if trait is None else TraitValue(trait=trait)
