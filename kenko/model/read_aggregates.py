"""How events become a value: `aggregate: count`, `aggregate: {sum: properties.minutes}` and so on."""

from __future__ import annotations

from kenko.model.nodes import Place, did_you_mean
from kenko.model.signal_spec import (
    ActiveDays,
    Aggregate,
    Count,
    DaysToRenewal,
    Latest,
    Nps,
    Recency,
    Sum,
    Tenure,
    Unique,
)

_WORDS: dict[str, Aggregate] = {
    "count": Count(),
    "active_days": ActiveDays(),
    "recency": Recency(),
    "tenure": Tenure(),
    "days_to_renewal": DaysToRenewal(),
}
_WITH_FIELD = ("sum", "unique", "latest", "nps", "nps_average")
_PREFIX = "properties."
_USER = "user_id"


def read_aggregate(place: Place) -> Aggregate | None:
    """The aggregate at `place`, or None after reporting what is wrong. `stale_after` is not read here."""
    return _read_with_field(place) if place.is_mapping else _read_word(place)


def _read_word(place: Place) -> Aggregate | None:
    word = place.text("an aggregate")
    if word is None:
        return None
    if word in _WITH_FIELD:
        example = f"{{{word}: {_USER if word == 'unique' else _PREFIX + 'amount'}}}"
        place.mistake(f"{word!r} needs a property", f"for example {example}")
    elif word not in _WORDS:
        place.mistake(f"unknown aggregate {word!r}", did_you_mean(word, (*_WORDS, *_WITH_FIELD)))
    return _WORDS.get(word)


def _read_with_field(place: Place) -> Aggregate | None:
    fields = place.fields(_WITH_FIELD)
    if fields is None:
        return None
    if len(place.node.value) != 1:
        place.mistake("an aggregate is exactly one of " + ", ".join(_WITH_FIELD))
    for kind, field in fields.items():
        is_user, name = _read_property(field, user_allowed=kind == "unique")
        if is_user:
            return Unique(property=None)
        if name is not None:
            return _of_property(kind, name)
    return None


def _of_property(kind: str, name: str) -> Aggregate:
    if kind == "sum":
        return Sum(property=name)
    if kind == "unique":
        return Unique(property=name)
    if kind == "latest":
        return Latest(property=name, stale_after_ms=None)
    return Nps(property=name, stale_after_ms=None, is_average=kind == "nps_average")


def _read_property(place: Place, *, user_allowed: bool) -> tuple[bool, str | None]:
    """Whether it is the user, and else the name of the property."""
    text = place.text("properties.<name>")
    if text is None:
        return False, None
    if user_allowed and text == _USER:
        return True, None
    name = text.removeprefix(_PREFIX)
    if name == text or not name:
        place.mistake(f"expected a property, found {text!r}", f"did you mean '{_PREFIX}{name or 'amount'}'?")
        return False, None
    return False, name
