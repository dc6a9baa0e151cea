"""What people read: `label: Active users`, or `label: {en: Active users, ja: ...}`."""

from __future__ import annotations

import re

from kenko.model.names import spoken
from kenko.model.nodes import Place

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def read_labels(name: str, place: Place | None) -> tuple[tuple[str, str], ...]:
    """(language, text), sorted; the name in words where there is no label. Text without a language is English."""
    default = (("en", spoken(name)),)
    if place is None:
        return default
    if not place.is_mapping:
        return (("en", place.text() or spoken(name)),)
    labels: list[tuple[str, str]] = []
    for language, at in place.entries() or ():
        if not _LANGUAGE.fullmatch(language):
            at.key_mistake(f"{language!r} is no language", "for example en or ja")
        label = at.text()
        if label is not None:
            labels.append((language, label))
    if not place.node.value:
        place.mistake("the mapping is empty", "for example {en: Active users}")
    return tuple(sorted(labels)) or default
