"""RFC 3339 times, read strictly and fast."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from schemas.base import from_ms, to_ms

MAX_AHEAD_MS: Final = 3_600_000
"""An event may be this far ahead of the clock that took it in: clocks of producers differ, calendars do not."""


class Received(NamedTuple):
    """When an event was taken in: by ingest, or by the broker. Both null where the broker noted nothing."""

    at: datetime | None
    ms: int | None
    """The time that what lies in the future is judged by: the same, but now for a dead letter that is read again."""


_TO_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_COMMON_SHAPES: Final = frozenset(
    (b"0000-00-00T00:00:00Z", b"0000-00-00T00:00:00.000Z", b"0000-00-00T00:00:00.000000Z")
)
_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
_MINUTES: Final = re.compile(r"(T[0-9]{2}:[0-9]{2})(?=Z|[+-])")


def parse_time(raw: bytes) -> datetime:
    """The time in UTC. Digits beyond microseconds are cut off.

    Raises:
        ValueError: says what is wrong, without the field's name.
    """
    if raw.endswith(b"+00:00"):  # how Python's clients write UTC
        raw = raw[:-6] + b"Z"
    # In these shapes fromisoformat takes exactly what the long way takes, and says UTC of itself.
    if raw.translate(_TO_ZEROS) in _COMMON_SHAPES:
        try:
            return datetime.fromisoformat(raw.decode())
        except ValueError:
            pass  # 30 February: the long way says so in words
    return parse_any_time(raw)


def parse_any_time(raw: bytes) -> datetime:
    """As `parse_time`, the long way: every shape that is accepted, and a reason for each that is not."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise ValueError("must be a time in UTF-8, for example 2026-03-01T12:00:00Z") from None
    shape = _RFC3339.fullmatch(text)
    if shape is None:
        raise ValueError("must be an RFC 3339 time, for example 2026-03-01T12:00:00Z")
    if shape["offset"] is None:
        raise ValueError("must end with Z or an offset such as +09:00: without one nobody can say which hour it means")
    text = _MINUTES.sub(r"\1:00", text.upper().replace(" ", "T").replace(",", "."))
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"is not a time of the calendar ({error})") from None


def format_time(time: datetime) -> bytes:
    """`time`, which is in UTC, as parse_time reads it fastest; exact to the microsecond."""
    return time.isoformat().replace("+00:00", "Z").encode()


def is_in_the_future(time: datetime, now_ms: int) -> bool:
    """More than an hour ahead of `now_ms`, to the millisecond."""
    # Nearly all events lie before the limit of the second before, which is remembered; the rest is computed exactly.
    return time >= _limit_of_second(now_ms // 1000) and to_ms(time) > now_ms + MAX_AHEAD_MS


@lru_cache(maxsize=1024)
def _limit_of_second(second: int) -> datetime:
    return from_ms(second * 1000 + MAX_AHEAD_MS)
