"""Silence against an account's own rhythm: how long it usually goes without use.

A row remembers the days (UTC) of use in a series; the usual gap is the mean distance between them over the 84 days up
to the last one. It does not move while an account is silent, and needs five days of use to be known.
"""

from __future__ import annotations

from kenko.engine.state import AccountState
from kenko.model.limits import DAY_MS, RHYTHM_DAYS

FEWEST_DAYS = 5
"""Days of use from which on there is a rhythm."""


def note_use(series: list[int], time_ms: int) -> bool:
    """Mark the day of a use: the newest `RHYTHM_DAYS` days are kept, whatever the order they come in.

    Answers whether that changed anything.
    """
    day = time_ms // DAY_MS
    if not series:
        series += (day, 1)
        return True
    at = day - series[0]
    days = len(series) - 1
    if 0 <= at < days:
        if series[at + 1]:
            return False
        series[at + 1] = 1
    elif at >= days:
        gap = at - days
        if gap >= RHYTHM_DAYS:
            series[:] = (day, 1)
            return True
        series += [0] * gap
        series.append(1)
        _trim(series)
    elif days - at <= RHYTHM_DAYS:
        series[1:1] = [1, *([0] * (-at - 1))]
        series[0] = day
    else:
        return False
    return True


def _trim(series: list[int]) -> None:
    """Begin at the first day of use that is kept."""
    excess = max(0, len(series) - 1 - RHYTHM_DAYS)
    first = series.index(1, 1 + excess)
    if first > 1:
        del series[1:first]
        series[0] += first - 1


def usual_gap_ms(state: AccountState) -> int | None:
    """Mean distance between days of use; None where there are too few to tell."""
    series = state.rhythm
    used = sum(series[1:])
    if used < FEWEST_DAYS:
        return None
    return (len(series) - 2) * DAY_MS // (used - 1)
