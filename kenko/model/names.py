"""Names inside a model: they become keys of receipts, metrics and Redis."""

from __future__ import annotations

import re

from kenko.model.nodes import Place

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_RULE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_MODEL_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def check_name(place: Place, name: str, what: str) -> None:
    """Report `name` unless it is small letters, digits and underscores."""
    if not _NAME.fullmatch(name):
        place.key_mistake(
            f"{name!r} is no name for a {what}", "small letters, digits and _, a letter first, at most 63"
        )


def read_rule_name(place: Place, what: str, *, reserved: str) -> str | None:
    """The name of a rule or a profile: small letters, digits, hyphens and underscores, and not `reserved`."""
    name = place.text("a name")
    if name is None:
        return None
    if not _RULE_NAME.fullmatch(name):
        place.mistake(f"{name!r} is no name for a {what}", "small letters, digits, - and _, a letter first, at most 63")
        return None
    if name == reserved:
        place.mistake(f"{name!r} has a meaning of its own", f"name the {what} otherwise")
        return None
    return name


def read_model_name(place: Place) -> str | None:
    """The name of the model: small letters, digits and hyphens."""
    name = place.text("a name")
    if name is not None and not _MODEL_NAME.fullmatch(name):
        place.mistake(f"{name!r} is no name for a model", "small letters, digits and hyphens, at most 63")
        return None
    return name


def read_one_or_more(place: Place, what: str) -> tuple[str, ...]:
    """Names that come from outside: one, or a list of them. `what`: `a property`, say."""
    if not place.is_list:
        name = place.text(f"{what}, or a list of them")
        return () if name is None else (name,)
    names: list[str] = []
    for item in place.items():
        name = item.text(what)
        if name in names:
            item.mistake(f"{name!r} is here twice")
        elif name is not None:
            names.append(name)
    if not place.node.value:
        place.mistake("the list is empty")
    return tuple(names)


def spoken(name: str) -> str:
    """A name in words, where a model gives none."""
    return name.replace("_", " ").replace("-", " ")
