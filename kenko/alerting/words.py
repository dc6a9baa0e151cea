"""Words: text, numbers and days as a person reads them. Text from outside is made harmless here."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from schemas.health import Points, centi

UNKNOWN = "unknown"
NO_DATA = "no data"

_SPACES = frozenset({"Cc", "Zs", "Zl", "Zp"})
_NOTHING = frozenset({"Cf", "Cs", "Co", "Cn"})
_MAX_COMBINING = 4


def plain(text: str, limit: int) -> str:
    """`text` on one line, at most `limit` characters, without what could disguise or break the line.

    Control characters and line breaks become a space. Characters that print nothing (direction overrides, zero
    width, lone surrogates, private use) go, and so do towers of combining marks.
    """
    kept: list[str] = []
    combining = 0
    # One character in can be at most one out, so the rest of a 40 kB name need not be looked at more than once.
    for char in text[: limit * 8]:
        category = unicodedata.category(char)
        if category in _NOTHING:
            continue
        combining = combining + 1 if category in ("Mn", "Me") else 0
        if combining <= _MAX_COMBINING:
            kept.append(" " if category in _SPACES else char)
    return cut(" ".join("".join(kept).split()), limit)


def cut(text: str, limit: int) -> str:
    """`text`, at most `limit` characters, with an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"


def score_text(score: Points | None) -> str:
    """A score in whole points, rounded down: 39.6 reads 39, because 40 would seem to be outside 'below 40'."""
    return UNKNOWN if score is None else str(centi(score) // 100)


def number(value: float) -> str:
    """`value` with the digits that matter: 1,234 - 12.3 - 0.25 - 3."""
    size = abs(value)
    if size >= 1e15:
        return f"{value:.3g}"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    text = f"{value:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def quantity(value: float | None, unit: str) -> str:
    """`value` with its unit: '9 days', '1 day', '20%', 'no data'."""
    if value is None:
        return NO_DATA
    text = number(value)
    if not unit:
        return text
    if unit == "%":
        return text + unit
    return f"{text} {_singular(unit) if text == '1' else unit}"


def day(time: datetime, *, seen_from: datetime) -> str:
    """'3 March', with the year where it is not the year of `seen_from`."""
    text = f"{time.day} {_MONTHS[time.month - 1]}"
    return text if time.year == seen_from.year else f"{text} {time.year}"


def duration(ms: int) -> str:
    """'9 days', '5 hours', 'less than an hour': whole units, rounded down."""
    hours = ms // 3_600_000
    if hours < 1:
        return "less than an hour"
    if hours < 48:
        return f"{hours} hour{'' if hours == 1 else 's'}"
    return f"{hours // 24} days"


def _singular(unit: str) -> str:
    return unit[:-1] if unit.endswith("s") and not unit.endswith("ss") else unit


# Not strftime: it would follow the machine's locale.
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
