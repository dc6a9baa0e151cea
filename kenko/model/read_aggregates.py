"""How events become a value: `aggregate: count`, `aggregate: {sum: properties.minutes}` and so on."""

from __future__ import annotations

from kenko.model.nodes import Place, did_you_mean
from kenko.model.spec import ActiveDays, Aggregate, Count, Latest, Recency, Sum, Unique

_WORDS: dict[str, Aggregate] = {"count": Count(), "active_days": ActiveDays(), "recency": Recency()}
_WITH_FIELD = ("sum", "unique", "latest")
_PREFIX = "properties."
_USER = "user_id"


def read_aggregate(place: Place) -> Aggregate | None:
    """The aggregate at `place`, or None after reporting what is wrong. `stale_after` of a latest is not read here."""
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
        if name is not None and kind == "latest":
            return Latest(property=name, stale_after_ms=None)
        if name is not None:
            return Sum(property=name) if kind == "sum" else Unique(property=name)
    return None


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
