"""Which events a signal looks at: `match: {event: ..., not: [...], source: ..., properties: {...}, cel: ...}`."""

from __future__ import annotations

from kenko.model.names import read_one_or_more
from kenko.model.nodes import Place
from kenko.model.read_cel import read_cel
from kenko.model.read_events import EventNames, read_event_list, read_event_names
from kenko.model.read_tests import read_property_tests
from kenko.model.signal_spec import Match


def read_match(place: Place) -> Match | None:
    """The match at `place`, or None after reporting what is wrong."""
    fields = place.fields(("event", "not", "source", "properties", "cel"), required=("event",))
    if fields is None:
        return None
    events = read_event_names(fields["event"]) if "event" in fields else EventNames()
    excluded = read_event_list(fields["not"]) if "not" in fields else EventNames()
    if "not" in fields and events.names:
        fields["not"].mistake(
            "'not' has a meaning only with event: \"*\" or a prefix", "leave the name out of the list instead"
        )
    return Match(
        events=events.names or None,
        prefixes=events.prefixes,
        excluded=excluded.names,
        excluded_prefixes=excluded.prefixes,
        sources=read_one_or_more(fields["source"], "the name of a source") if "source" in fields else (),
        tests=read_property_tests(fields["properties"]) if "properties" in fields else (),
        cel=read_cel(fields["cel"]) if "cel" in fields else None,
    )
