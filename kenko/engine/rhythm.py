"""Silence against an account's own rhythm: how long it usually goes without use.

A row remembers the days of use (see `days`); the usual gap is the mean distance between them over the 84 days up to the
last one. It does not move while an account is silent, and needs five days of use to be known.
"""

from __future__ import annotations

from kenko.engine.days import Days, bits_of, mark
from kenko.engine.state import AccountState
from kenko.model.limits import DAY_MS, RHYTHM_DAYS

FEWEST_DAYS = 5
"""Days of use from which on there is a rhythm."""


def note_use(days: Days, time_ms: int) -> bool:
    """Mark the day of a use: the newest `RHYTHM_DAYS` days are kept, whatever the order they come in.

    Answers whether that changed anything.
    """
    return mark(days, time_ms // DAY_MS, RHYTHM_DAYS)


def usual_gap_ms(state: AccountState) -> int | None:
    """Mean distance between days of use; None where there are too few to tell."""
    used = bits_of(state.rhythm)
    count = used.bit_count()
    if count < FEWEST_DAYS:
        return None
    return (used.bit_length() - 1) * DAY_MS // (count - 1)
