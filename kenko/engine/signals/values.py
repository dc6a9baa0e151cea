"""Property values are whatever JSON holds: here they become integers, or are refused."""

from __future__ import annotations

from math import floor
from typing import Any

MILLION = 1_000_000
_LARGEST = 1e12
"""A value beyond a million millions is a mistake of the sender."""


def millionths(value: Any) -> int | None:
    """A number in millionths, rounded half up; None for what is no number, not finite, or absurdly large."""
    if type(value) is int:
        return value * MILLION if -_LARGEST <= value <= _LARGEST else None
    if type(value) is float and -_LARGEST <= value <= _LARGEST:  # not so for NaN and the infinities
        return floor(value * MILLION + 0.5)
    return None


def distinct_text(value: Any) -> str | None:
    """A text that is the same for the same value, and not for `1`, `"1"` and `true`; None for lists and mappings."""
    if isinstance(value, str):
        return "s" + value
    if isinstance(value, bool):
        return "b1" if value else "b0"
    if isinstance(value, int | float) and -_LARGEST <= value <= _LARGEST:
        return f"n{int(value) if value == int(value) else value!r}"  # JSON does not tell 1 from 1.0
    return None
