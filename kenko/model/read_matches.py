"""Which events a signal looks at: `match: {event: ..., not: [...], properties: {...}}`."""

from __future__ import annotations

from kenko.model.nodes import Place
from kenko.model.spec import Match, Op, PropertyTest, Scalar

_NUMERIC = (Op.GT, Op.GTE, Op.LT, Op.LTE)
_OPS = tuple(op.value for op in Op)


def read_match(place: Place) -> Match | None:
    """The match at `place`, or None after reporting what is wrong."""
    fields = place.fields(("event", "not", "properties"), required=("event",))
    if fields is None:
        return None
    events = _read_events(fields["event"]) if "event" in fields else ()
    excluded = read_names(fields["not"]) if "not" in fields else ()
    if "not" in fields and events:
        fields["not"].mistake("'not' has a meaning only with event: \"*\"", "leave the name out of the list instead")
    tests = _read_tests(fields["properties"]) if "properties" in fields else ()
    return Match(events=events or None, excluded=excluded, tests=tests)


def read_names(place: Place) -> tuple[str, ...]:
    """A list of event names, without repeats."""
    names: list[str] = []
    for item in place.items("a list of event names"):
        name = item.text("an event name")
        if name == "*":
            item.mistake("'*' stands alone, not in a list")
        elif name in names:
            item.mistake(f"{name!r} is here twice")
        elif name is not None:
            names.append(name)
    if place.is_list and not names:
        place.mistake("the list is empty")
    return tuple(names)


def _read_events(place: Place) -> tuple[str, ...]:
    if place.is_list:
        return read_names(place)
    name = place.text('an event name, a list of them, or "*"')
    return () if name in (None, "*") else (name or "",)


def _read_tests(place: Place) -> tuple[PropertyTest, ...]:
    tests: list[PropertyTest] = []
    for name, wanted in place.entries("a mapping of properties") or ():
        if not wanted.is_mapping:
            wanted.mistake("expected a test", "for example {gte: 100} or {eq: pro}")
            continue
        fields = wanted.fields(_OPS)
        if not wanted.node.value:
            wanted.mistake("a test needs at least one of " + ", ".join(_OPS))
        for op, operand in (fields or {}).items():
            value = _read_operand(Op(op), operand)
            if value is not None:
                tests.append(PropertyTest(property=name, op=Op(op), operand=value))
    return tuple(tests)


def _read_operand(op: Op, place: Place) -> Scalar | tuple[Scalar, ...] | None:
    if op in _NUMERIC:
        return place.number()
    value: Scalar | None
    if op is Op.IN:
        values = [value for item in place.items("a list of values") if (value := item.scalar()) is not None]
        if place.is_list and not values:
            place.mistake("the list is empty")
        return tuple(values) or None
    value = place.scalar()
    if op is Op.EXISTS and value is not None and not isinstance(value, bool):
        place.mistake("expected true or false")
        return None
    return value
