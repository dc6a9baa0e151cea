"""What is measured: the `signals` of a model."""

from __future__ import annotations

from kenko.model import limits
from kenko.model.names import check_name
from kenko.model.nodes import Place
from kenko.model.read_aggregates import read_aggregate
from kenko.model.read_matches import read_match, read_names
from kenko.model.spec import ActiveDays, Aggregate, Latest, Match, Milestones, Recency, Signal, Unique

_UNITS = {"ActiveDays": "days", "Recency": "days", "Milestones": "share"}
_MOST_MILESTONES = 32


def read_signals(place: Place) -> tuple[tuple[Signal, ...], frozenset[str]]:
    """The signals that could be read, by name, and the names of all: one that is wrong is still known to the groups."""
    entries = place.entries("a mapping of signals") or []
    if not entries and place.is_mapping:
        place.mistake("a model needs at least one signal")
    signals = [signal for name, entry in entries if (signal := _read_signal(name, entry)) is not None]
    return tuple(sorted(signals, key=lambda signal: signal.name)), frozenset(name for name, _ in entries)


def _read_signal(name: str, place: Place) -> Signal | None:
    check_name(place, name, "signal")
    known = ("match", "aggregate", "window", "stale_after", "milestones", "label", "unit")
    fields = place.fields(known)
    if fields is None:
        return None
    labels = _read_labels(name, fields.get("label"))
    unit = fields["unit"].text() if "unit" in fields else None
    if "milestones" in fields:
        for key in ("match", "aggregate", "window", "stale_after"):
            if key in fields:
                fields[key].key_mistake(f"a signal of milestones has no {key!r}")
        aggregate: Aggregate | None = _read_milestones(fields["milestones"])
        match: Match | None = Match(events=aggregate.steps) if isinstance(aggregate, Milestones) else None
    else:
        for key in ("match", "aggregate"):
            if key not in fields:
                place.mistake(f"{key!r} is missing", "a signal is match and aggregate, or milestones")
        match = read_match(fields["match"]) if "match" in fields else None
        aggregate = read_aggregate(fields["aggregate"]) if "aggregate" in fields else None
        aggregate = _with_stale_after(aggregate, fields.get("stale_after"))
    if aggregate is None or match is None:
        return None
    window_ms = None if isinstance(aggregate, Milestones) else _read_window(place, fields.get("window"), aggregate)
    return Signal(
        name=name,
        match=match,
        aggregate=aggregate,
        window_ms=window_ms,
        labels=labels,
        unit=_default_unit(aggregate) if unit is None else unit,
    )


def _default_unit(aggregate: Aggregate) -> str:
    if aggregate == Unique(property=None):
        return "users"
    return _UNITS.get(type(aggregate).__name__, "")


def _with_stale_after(aggregate: Aggregate | None, place: Place | None) -> Aggregate | None:
    if place is None:
        return aggregate
    stale_after = place.duration()
    if not isinstance(aggregate, Latest):
        if aggregate is not None:
            place.key_mistake("only a latest value grows stale", "remove it, or aggregate: {latest: properties.x}")
        return aggregate
    if stale_after is not None and not limits.MIN_WINDOW_MS <= stale_after <= limits.MAX_WINDOW_MS:
        place.mistake("stale_after must be 1h to 365d")
    return Latest(property=aggregate.property, stale_after_ms=stale_after)


def _read_window(signal: Place, place: Place | None, aggregate: Aggregate) -> int | None:
    if isinstance(aggregate, Latest | Recency):
        if place is not None:
            place.key_mistake("latest and recency have no window", "they look back as far as there is data")
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


def _read_milestones(place: Place) -> Milestones | None:
    steps = read_names(place)
    if len(steps) > _MOST_MILESTONES:
        place.mistake(f"at most {_MOST_MILESTONES} milestones")
    return Milestones(steps=steps) if steps else None


def _read_labels(name: str, place: Place | None) -> tuple[tuple[str, str], ...]:
    spoken = name.replace("_", " ")
    if place is None:
        return (("en", spoken),)
    if not place.is_mapping:
        return (("en", place.text() or spoken),)
    labels = [(language, label) for language, at in place.entries() or () if (label := at.text()) is not None]
    return tuple(sorted(labels)) or (("en", spoken),)
