"""Read a column of times of which most lie within the hour of the one before: then two look-ups are enough."""

from __future__ import annotations

from kenko.dialects.times import parse_time
from schemas.base import to_ms

_HOUR = len("2026-03-01T12")
_WITHIN = {f":{second // 60:02}:{second % 60:02}Z": second * 1000 for second in range(3600)}
"""What follows the hour in `2026-03-01T12:34:56Z`, in milliseconds."""


class TimeColumn:
    """Gives exactly what `parse_time` gives, in milliseconds."""

    __slots__ = ("_hour_ms", "_text")

    def __init__(self) -> None:
        self._text = ""
        self._hour_ms = 0

    def read(self, text: str) -> int:
        """Milliseconds since 1970-01-01 UTC. Raises ValueError that says what is wrong."""
        if text[:_HOUR] == self._text:
            within_ms = _WITHIN.get(text[_HOUR:])
            if within_ms is not None:
                return self._hour_ms + within_ms
        try:
            time_ms = to_ms(parse_time(text.encode()))
        except UnicodeEncodeError:
            raise ValueError("is not UTF-8") from None
        except ValueError as error:
            raise ValueError(f"ts: {error}") from None
        within_ms = _WITHIN.get(text[_HOUR:])
        if within_ms is not None:
            self._text = text[:_HOUR]
            self._hour_ms = time_ms - within_ms
        return time_ms
