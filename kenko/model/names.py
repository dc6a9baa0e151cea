"""Names inside a model: they become keys of receipts, metrics and Redis."""

from __future__ import annotations

import re

from kenko.model.nodes import Place

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MODEL_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def check_name(place: Place, name: str, what: str) -> None:
    """Report `name` unless it is small letters, digits and underscores."""
    if not _NAME.fullmatch(name):
        place.key_mistake(
            f"{name!r} is no name for a {what}", "small letters, digits and _, a letter first, at most 63"
        )


def read_model_name(place: Place) -> str | None:
    """The name of the model: small letters, digits and hyphens."""
    name = place.text("a name")
    if name is not None and not _MODEL_NAME.fullmatch(name):
        place.mistake(f"{name!r} is no name for a model", "small letters, digits and hyphens, at most 63")
        return None
    return name
