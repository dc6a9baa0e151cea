"""Repeats of a library's message are told now and then, not each time.

While a broker is away aiokafka says so some three hundred times a second: an hour of it would fill a disk and hide all else.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Final

from kenko.runtime.clock import Clock

EVERY_S: Final = 10.0
MOST_MESSAGES: Final = 1000
"""Messages told apart, as they stand in the library's code. Beyond it, all are told."""


class Repeats(logging.Filter):
    """Lets each message of the loggers below `names` pass once in `EVERY_S` seconds; then it says how many were not told.

    A message is one line of the library's code, whatever it is filled in with.
    """

    def __init__(self, names: Collection[str], clock: Clock) -> None:
        super().__init__()
        self._names = frozenset(names)
        self._clock = clock
        self._told: dict[tuple[str, int], tuple[float, int]] = {}
        """By place: when it was told, and how often it came since."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in self._names:
            return True
        place, now_s = (record.pathname, record.lineno), self._clock.monotonic()
        if place not in self._told and len(self._told) >= MOST_MESSAGES:
            return True
        at_s, untold = self._told.get(place, (now_s - EVERY_S, 0))
        if now_s - at_s < EVERY_S:
            self._told[place] = at_s, untold + 1
            return False
        self._told[place] = now_s, 0
        if untold:
            record.untold = untold
        return True
