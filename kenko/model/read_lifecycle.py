"""Which events tell of a contract, and which phases follow: the `lifecycle` of a model."""

from __future__ import annotations

from kenko.model import limits
from kenko.model.nodes import Place
from kenko.model.read_events import read_names
from kenko.model.spec import Lifecycle

_RUNS = ("started", "renewed", "upgraded", "downgraded")
_ENDED = "ended"
_PHASES = ("onboarding", "renewal")


def read_lifecycle(place: Place) -> Lifecycle:
    """The events that begin, carry on and end a contract, and how long its first and last phases are."""
    fields = place.fields((*_RUNS, _ENDED, *_PHASES)) or {}
    events = {key: read_names(fields[key]) for key in (*_RUNS, _ENDED) if key in fields}
    for key in _RUNS:
        for name in sorted(set(events.get(key, ())) & set(events.get(_ENDED, ()))):
            verb = "begin" if key == "started" else "carry on"
            fields[_ENDED].mistake(f"{name!r} cannot both {verb} and end a contract", f"it is in {key!r} too")
    onboarding = _read_length(fields["onboarding"]) if "onboarding" in fields else None
    renewal = _read_length(fields["renewal"]) if "renewal" in fields else None
    return Lifecycle(
        started=events.get("started", ()),
        renewed=events.get("renewed", ()),
        upgraded=events.get("upgraded", ()),
        downgraded=events.get("downgraded", ()),
        ended=events.get("ended", ()),
        onboarding_ms=onboarding,
        renewal_ms=renewal,
    )


def _read_length(place: Place) -> int | None:
    length = place.duration()
    if length is None:
        return None
    if not limits.DAY_MS <= length <= limits.MAX_WINDOW_MS:
        place.mistake("a phase is 1d to 365d long")
    return length
