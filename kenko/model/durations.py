"""Durations as people write them: a whole number and a unit."""

from __future__ import annotations

import re

_UNITS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")


def parse_duration(text: str) -> int | None:
    """`text` in milliseconds ("90m", "12h", "7d", "0s"), or None if it is no duration."""
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _UNITS[match[2]] if match else None
