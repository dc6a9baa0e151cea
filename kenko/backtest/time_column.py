"""Read a column of times of which most lie within the hour of the one before: then two look-ups are enough."""

from __future__ import annotations

from datetime import datetime, timedelta

from kenko.dialects.times import parse_time
from schemas.base import from_ms, to_ms

_HOUR = len("2026-03-01T12")
_WITHIN = {
    f":{second // 60:02}:{second % 60:02}Z": (second * 1000, timedelta(seconds=second)) for second in range(3600)
}
"""What follows the hour in `2026-03-01T12:34:56Z`, in milliseconds and as a duration."""


class TimeColumn:
    """Gives exactly what `parse_time` gives."""

    __slots__ = ("_hour", "_hour_ms", "_text")

    def __init__(self) -> None:
        self._text = ""
        self._hour = from_ms(0)
        self._hour_ms = 0

    def read(self, text: str) -> tuple[int, datetime]:
        """Milliseconds since 1970-01-01 UTC, and the time itself. Raises ValueError that says what is wrong."""
        if text[:_HOUR] == self._text:
            within = _WITHIN.get(text[_HOUR:])
            if within is not None:
                return self._hour_ms + within[0], self._hour + within[1]
        try:
            time = parse_time(text.encode())
        except UnicodeEncodeError:
            raise ValueError("is not UTF-8") from None
        except ValueError as error:
            raise ValueError(f"ts: {error}") from None
        if text[_HOUR:] in _WITHIN:
            self._text = text[:_HOUR]
            self._hour = time.replace(minute=0, second=0)
            self._hour_ms = to_ms(self._hour)
        return to_ms(time), time
