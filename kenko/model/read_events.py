"""Which names of events: `Report Exported`, `[Session Ended, {prefix: report.}]`, `"*"`."""

from __future__ import annotations

from dataclasses import dataclass

from kenko.model.nodes import Place


@dataclass(frozen=True)
class EventNames:
    """Exact names and beginnings of names, without repeats."""

    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    is_any: bool = False
    """True for "*"."""


def read_event_names(place: Place) -> EventNames:
    """An event, a prefix, a list of both, or "*"."""
    if place.is_list:
        return read_event_list(place)
    if place.is_mapping:
        prefix = _read_prefix(place)
        return EventNames(prefixes=() if prefix is None else (prefix,))
    name = place.text('an event name, a list of them, or "*"')
    if name == "*":
        return EventNames(is_any=True)
    return EventNames(names=() if name is None else (name,))


def read_event_list(place: Place) -> EventNames:
    """A list of names and prefixes."""
    names: list[str] = []
    prefixes: list[str] = []
    for item in place.items("a list of event names"):
        found, known = (_read_prefix(item), prefixes) if item.is_mapping else (_read_name(item), names)
        if found in known:
            item.mistake(f"{found!r} is here twice")
        elif found is not None:
            known.append(found)
    _check_not_empty(place)
    return EventNames(tuple(names), tuple(prefixes))


def read_names(place: Place) -> tuple[str, ...]:
    """A list of exact event names."""
    names: list[str] = []
    for item in place.items("a list of event names"):
        name = _read_name(item)
        if name in names:
            item.mistake(f"{name!r} is here twice")
        elif name is not None:
            names.append(name)
    _check_not_empty(place)
    return tuple(names)


def _check_not_empty(place: Place) -> None:
    if place.is_list and not place.node.value:
        place.mistake("the list is empty")


def _read_name(place: Place) -> str | None:
    name = place.text("an event name")
    if name == "*":
        place.mistake("'*' stands alone, not in a list")
        return None
    return name


def _read_prefix(place: Place) -> str | None:
    fields = place.fields(("prefix",), required=("prefix",)) or {}
    return fields["prefix"].text("the beginning of an event name") if "prefix" in fields else None
