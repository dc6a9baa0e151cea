"""Options that are times, durations or speeds: `2026-03-01T12:00:00Z`, `6h`, `max`."""

from __future__ import annotations

import re

import typer

from kenko.dialects.times import parse_time
from schemas.base import to_ms

_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def read_duration(text: str) -> int:
    """Milliseconds in `30s`, `15m`, `6h` or `1d`."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r}: write a whole number and s, m, h or d, for example 6h")
    return int(found[1]) * _UNITS[found[2]]


def read_speed(text: str) -> float | None:
    """Event time per wall time: `86400` plays a day in a second; `max` is as fast as it goes."""
    if text.strip().lower() == "max":
        return None
    try:
        speed = float(text.strip().removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise typer.BadParameter(f"{text!r}: write a number above 0, or max")
    return speed


def read_time(text: str) -> int:
    """Milliseconds since 1970-01-01 UTC in an RFC 3339 time."""
    try:
        return to_ms(parse_time(text.strip().encode()))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {error}") from None


def read_day_or_time(text: str) -> int:
    """As `read_time`; a day alone, `2026-04-01`, is its midnight in UTC."""
    day = text.strip()
    return read_time(f"{day}T00:00:00Z" if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", day) else day)
