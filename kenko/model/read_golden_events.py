"""What happens in a golden test: events, records of traits and overrides, written in the model's own file."""

from __future__ import annotations

from yaml.nodes import ScalarNode

from kenko.model import limits
from kenko.model.durations import parse_duration
from kenko.model.golden import GoldenEvent, GoldenOverride, GoldenRecord, GoldenTraits
from kenko.model.nodes import Place, describe
from kenko.model.signal_spec import Scalar

MOST_EVENTS = 20_000
"""Most events of a test, repeats counted."""
LONGEST_MS = 1000 * limits.DAY_MS
RECORDS = ("event", "traits", "override")
"""What an item may be: it has one of these keys."""
_OF_EVENTS = ("user", "source", "every", "until", "properties")
_OVERRIDE = ("score", "until")


def read_events(place: Place) -> tuple[str | None, tuple[GoldenRecord, ...]]:
    """A file of events, or what is written in place."""
    if not place.is_list:
        return place.text("a file of events, or a list of events"), ()
    if not place.node.value:
        place.mistake("the list is empty", "an account without any event is not known at all")
    records = tuple(record for item in place.items() if (record := _read_record(item)) is not None)
    if sum(record.times for record in records) > MOST_EVENTS:
        place.mistake(f"a test has at most {MOST_EVENTS:,} events, repeats counted")
    return None, records


def read_offset(place: Place) -> int | None:
    """A length of time from the beginning; a `+` before it is welcome."""
    node = place.node
    length = parse_duration(node.value.removeprefix("+")) if isinstance(node, ScalarNode) else None
    if length is None:
        place.mistake(f"expected a length of time, found {describe(node)}", "for example 21d or +21d")
    elif length > LONGEST_MS:
        place.mistake("at most 1000d")
        return None
    return length


def _read_record(place: Place) -> GoldenRecord | None:
    fields = place.fields((*RECORDS, "at", *_OF_EVENTS), required=("at",))
    if fields is None:
        return None
    kinds = [key for key in RECORDS if key in fields]
    if not kinds:
        place.mistake("'event' is missing", "or 'traits', or 'override'")
    for key in kinds[1:]:
        fields[key].key_mistake(f"{key!r} does not go with {kinds[0]!r}", "write it as an item of its own")
    at_ms = read_offset(fields["at"]) if "at" in fields else None
    if kinds[:1] == ["event"]:
        return _read_event(fields, at_ms)
    for key in (key for key in _OF_EVENTS if key in fields):
        fields[key].key_mistake(f"{key!r} goes with 'event'")
    if kinds[:1] == ["traits"]:
        return _read_traits(fields["traits"], at_ms)
    return _read_override(fields["override"], at_ms) if kinds else None


def _read_event(fields: dict[str, Place], at_ms: int | None) -> GoldenEvent | None:
    name = fields["event"].text("an event name")
    user = fields["user"].text("the id of a user") if "user" in fields else None
    source = fields["source"].text("who sent it") if "source" in fields else None
    every_ms = fields["every"].duration() if "every" in fields else None
    until_ms = read_offset(fields["until"]) if "until" in fields else None
    for key, other in (("every", "until"), ("until", "every")):
        if key in fields and other not in fields:
            fields[key].key_mistake(f"{key!r} goes with {other!r}", "for example at: 0d, every: 1d, until: 20d")
    if every_ms is not None and every_ms < limits.MINUTE_MS:
        fields["every"].mistake("at least a minute")
        every_ms = None
    _check_order(fields.get("until"), at_ms, until_ms)
    properties = _read_properties(fields["properties"]) if "properties" in fields else ()
    if name is None or at_ms is None:
        return None
    return GoldenEvent(
        event=name,
        at_ms=at_ms,
        user_id=user,
        source=source,
        properties=properties,
        every_ms=every_ms,
        until_ms=until_ms,
    )


def _read_traits(place: Place, at_ms: int | None) -> GoldenTraits | None:
    entries = place.entries("a mapping of traits")
    if entries is None:
        return None
    if not entries:
        place.mistake("tells nothing", "for example {seats: 40, owner: null}")
    read = [(name, None if entry.is_null else entry.scalar(), entry.is_null) for name, entry in entries]
    traits = tuple((name, value) for name, value, is_null in read if is_null or value is not None)
    return None if at_ms is None else GoldenTraits(traits=traits, at_ms=at_ms)


def _read_override(place: Place, at_ms: int | None) -> GoldenOverride | None:
    fields = place.fields(_OVERRIDE, required=("score",))
    if fields is None:
        return None
    score = None
    if "score" in fields and not fields["score"].is_null:
        score = fields["score"].number_within(0, 100)
    until_ms = read_offset(fields["until"]) if "until" in fields else None
    _check_order(fields.get("until"), at_ms, until_ms)
    return None if at_ms is None else GoldenOverride(score=score, at_ms=at_ms, until_ms=until_ms)


def _check_order(until: Place | None, at_ms: int | None, until_ms: int | None) -> None:
    if until is not None and at_ms is not None and until_ms is not None and until_ms < at_ms:
        until.mistake("ends before it begins")


def _read_properties(place: Place) -> tuple[tuple[str, Scalar], ...]:
    entries = place.entries("a mapping of properties") or []
    read = [(name, entry.scalar()) for name, entry in entries]
    return tuple((name, value) for name, value in read if value is not None)
