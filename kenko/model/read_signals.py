"""What is measured: the `signals` of a model."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kenko.model import limits
from kenko.model.names import check_name
from kenko.model.nodes import Place
from kenko.model.read_aggregates import read_aggregate
from kenko.model.read_derived import read_ratio, read_trait_value, read_trend
from kenko.model.read_events import read_event_names, read_names
from kenko.model.read_labels import read_labels
from kenko.model.read_matches import read_match
from kenko.model.signal_spec import (
    ActiveDays,
    Aggregate,
    Count,
    DaysToRenewal,
    Latest,
    Match,
    Milestones,
    Nps,
    Signal,
    Stored,
    Sum,
    Tenure,
    TimeTo,
    Unique,
)
from kenko.model.vocabulary import Vocabulary

_SHAPES = ("aggregate", "milestones", "time_to", "ratio", "trend", "trait")
"""A signal is one of these; `match`, `window` and `stale_after` go with `aggregate` alone."""
_WITH_AGGREGATE = ("match", "window", "stale_after")
_WINDOWED = Count | Sum | Unique | ActiveDays
_UNITS = {
    "ActiveDays": "days",
    "Recency": "days",
    "TimeTo": "days",
    "Tenure": "days",
    "DaysToRenewal": "days",
    "Milestones": "share",
}
_MOST_STEPS = 32


@dataclass(frozen=True)
class _Draft:
    """A signal whose keys were looked through."""

    name: str
    place: Place
    fields: dict[str, Place]
    shape: str

    @property
    def refers(self) -> bool:
        """True if other signals must be read before it."""
        return self.shape in ("ratio", "trend")


def read_signals(place: Place, traits: frozenset[str]) -> Vocabulary:
    """The signals that could be read, and the names of all: one that is wrong is still known to the groups."""
    entries = place.entries("a mapping of signals") or []
    if not entries and place.is_mapping:
        place.mistake("a model needs at least one signal")
    drafts = [draft for name, entry in entries if (draft := _draft(name, entry)) is not None]
    known = Vocabulary(
        traits=traits,
        names=frozenset(name for name, _ in entries),
        derived=frozenset(draft.name for draft in drafts if draft.shape in ("ratio", "trend", "trait")),
    )
    for draft in sorted(drafts, key=lambda draft: draft.refers):
        signal = _read_signal(draft, known)
        if signal is not None:
            derived = known.derived if signal.is_stored else known.derived | {signal.name}
            known = replace(known, signals={**known.signals, signal.name: signal}, derived=derived)
    return known


def _draft(name: str, place: Place) -> _Draft | None:
    check_name(place, name, "signal")
    fields = place.fields((*_SHAPES, *_WITH_AGGREGATE, "label", "unit"))
    if fields is None:
        return None
    shapes = [shape for shape in _SHAPES if shape in fields]
    if not shapes:
        place.mistake("'aggregate' is missing", f"a signal is match and aggregate, or one of {', '.join(_SHAPES[1:])}")
        if "match" in fields:
            read_match(fields["match"])
        return None
    for shape in shapes[1:]:
        fields[shape].key_mistake(f"a signal is either {shapes[0]!r} or {shape!r}", "make two signals of it")
    return _Draft(name, place, fields, shapes[0])


def _read_signal(draft: _Draft, known: Vocabulary) -> Signal | None:
    fields = draft.fields
    labels = read_labels(draft.name, fields.get("label"))
    unit = fields["unit"].text() if "unit" in fields else None
    if draft.shape == "aggregate":
        aggregate, match, window_ms = _read_aggregated(draft)
    else:
        _refuse(draft, f"a signal of {draft.shape}", _WITH_AGGREGATE)
        aggregate, window_ms = _read_shape(draft.shape, fields[draft.shape], known), None
        match = Match(events=aggregate.steps) if isinstance(aggregate, Milestones | TimeTo) else None
    if aggregate is None or (match is None and isinstance(aggregate, Stored)):
        return None
    return Signal(
        name=draft.name,
        match=match,
        aggregate=aggregate,
        window_ms=window_ms,
        labels=labels,
        unit=_default_unit(aggregate) if unit is None else unit,
    )


def _read_shape(shape: str, place: Place, known: Vocabulary) -> Aggregate | None:
    if shape == "ratio":
        return read_ratio(place, known)
    if shape == "trend":
        return read_trend(place, known)
    if shape == "trait":
        return read_trait_value(place, known)
    steps = _read_steps(place, only_list=shape == "milestones")
    if not steps:
        return None
    return Milestones(steps=steps) if shape == "milestones" else TimeTo(steps=steps)


def _read_steps(place: Place, *, only_list: bool) -> tuple[str, ...]:
    if only_list or place.is_list:
        steps = read_names(place)
    else:
        found = read_event_names(place)
        if found.is_any or found.prefixes:
            place.mistake("expected an event name or a list of them")
        steps = found.names
    if len(steps) > _MOST_STEPS:
        place.mistake(f"at most {_MOST_STEPS} events")
    return steps


def _read_aggregated(draft: _Draft) -> tuple[Aggregate | None, Match | None, int | None]:
    fields = draft.fields
    aggregate = read_aggregate(fields["aggregate"])
    if isinstance(aggregate, Tenure | DaysToRenewal):
        _refuse(draft, "a signal that is read from time", _WITH_AGGREGATE)
        return aggregate, None, None
    if "match" not in fields and aggregate is not None:
        draft.place.mistake("'match' is missing", 'for example match: {event: "*"}')
    match = read_match(fields["match"]) if "match" in fields else None
    aggregate = _with_stale_after(aggregate, fields.get("stale_after"))
    window_ms = None if aggregate is None else _read_window(draft.place, fields.get("window"), aggregate)
    return aggregate, match, window_ms


def _refuse(draft: _Draft, what: str, keys: tuple[str, ...]) -> None:
    for key in keys:
        if key in draft.fields:
            draft.fields[key].key_mistake(f"{what} has no {key!r}")


def _default_unit(aggregate: Aggregate) -> str:
    if aggregate == Unique(property=None):
        return "users"
    return _UNITS.get(type(aggregate).__name__, "")


def _with_stale_after(aggregate: Aggregate | None, place: Place | None) -> Aggregate | None:
    if place is None:
        return aggregate
    stale_after = place.duration()
    if stale_after is not None and not limits.MIN_WINDOW_MS <= stale_after <= limits.MAX_WINDOW_MS:
        place.mistake("stale_after must be 1h to 365d")
    if isinstance(aggregate, Latest):
        return Latest(property=aggregate.property, stale_after_ms=stale_after)
    if isinstance(aggregate, Nps):
        return Nps(property=aggregate.property, stale_after_ms=stale_after, is_average=aggregate.is_average)
    if aggregate is not None:
        place.key_mistake(
            "only a latest value and the answers of an NPS grow stale",
            "remove it, or aggregate: {latest: properties.x}",
        )
    return aggregate


def _read_window(signal: Place, place: Place | None, aggregate: Aggregate) -> int | None:
    if not isinstance(aggregate, _WINDOWED):
        if place is not None:
            place.key_mistake("latest, nps and recency have no window", "they look back as far as there is data")
        return None
    if place is None:
        signal.mistake("'window' is missing", "for example window: 28d")
        return None
    window = place.duration()
    if window is None:
        return None
    shortest = limits.DAY_MS if isinstance(aggregate, ActiveDays) else limits.MIN_WINDOW_MS
    if not shortest <= window <= limits.MAX_WINDOW_MS:
        place.mistake(f"a window is {'1d' if shortest == limits.DAY_MS else '1h'} to 365d")
    return window
