"""Where facts about an account come from: the `traits` of a model."""

from __future__ import annotations

from kenko.model.names import check_name, read_one_or_more
from kenko.model.nodes import Place
from kenko.model.read_events import read_names
from kenko.model.spec import KNOWN_TRAITS, Lifecycle, Traits

_LARGEST_MRR = 1e12


def read_traits(place: Place, lifecycle: Lifecycle) -> tuple[Traits, frozenset[str]]:
    """The traits, and every name that may be referred to: those that are known anyway, and those declared here.

    An event of the `lifecycle` cannot be one of traits alone: that is reported.
    """
    fields = place.fields(("events", "names", "touch")) or {}
    events = _read_events(fields["events"], lifecycle) if "events" in fields else ()
    aliases = _read_aliases(fields["names"]) if "names" in fields else ()
    high, low = _read_touch(fields["touch"]) if "touch" in fields else (None, None)
    traits = Traits(events=events, aliases=aliases, high_touch_mrr=high, low_touch_mrr=low)
    return traits, frozenset((*KNOWN_TRAITS, *(name for name, _ in aliases)))


def _read_events(place: Place, lifecycle: Lifecycle) -> tuple[str, ...]:
    names = read_names(place)
    of_contract = {*lifecycle.runs, *lifecycle.ended}.intersection(names)
    for item in place.items() if of_contract else ():
        if (name := item.text()) in of_contract:
            item.mistake(
                f"{name!r} is an event of the lifecycle", "its properties are traits anyway: leave it out here"
            )
    return names


def _read_aliases(place: Place) -> tuple[tuple[str, tuple[str, ...]], ...]:
    aliases: list[tuple[str, tuple[str, ...]]] = []
    for trait, entry in place.entries("a mapping of traits to properties") or ():
        check_name(entry, trait, "trait")
        aliases.append((trait, read_one_or_more(entry, "a property")))
    return tuple(sorted(aliases))


def _read_touch(place: Place) -> tuple[float | None, float | None]:
    fields = place.fields(("high", "low")) or {}
    if place.is_mapping and not place.node.value:
        place.mistake("the mapping is empty", "for example {high: 5000, low: 500}")
    high = fields["high"].number_within(0, _LARGEST_MRR) if "high" in fields else None
    low = fields["low"].number_within(0, _LARGEST_MRR) if "low" in fields else None
    if high is not None and low is not None and high <= low:
        fields["high"].mistake(f"high touch must begin above low touch: {high:g} is not above {low:g}")
    return high, low
