"""Daily closes: the score and zone of an account at the end of each day (UTC), two bytes a day, 400 days.

A close is score * 4 + zone, big-endian: the score in hundredths (0 to 10,000) or 16,383 for none, the zone 0 to 3. It is
written at the first evaluation of a later day. Because an account is evaluated whenever passing time can change its
score, what was in force at the end of a day does not depend on how often it was evaluated; missing days repeat it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kenko.engine.state import AccountState
from kenko.model.limits import CLOSES_KEPT, DAY_MS
from schemas.health import Zone

_NO_SCORE = (1 << 14) - 1
_ZONES = (None, Zone.RED, Zone.YELLOW, Zone.GREEN)
_PLACE = {zone: place for place, zone in enumerate(_ZONES)}
_BYTES = 2


class Close(NamedTuple):
    """The end of a day."""

    day: int
    """Since 1970-01-01 UTC."""
    score: int | None
    """Hundredths of a point."""
    zone: Zone | None


def close_days(state: AccountState, now_ms: int) -> bool:
    """Write the closes of the days that have ended by `now_ms`. Call before an evaluation changes score and zone.

    Answers whether this is the first evaluation of its day.
    """
    today = now_ms // DAY_MS
    since = state.closes_day
    if since is not None and today <= since:
        return False
    if since is not None:
        score = None if state.last is None else state.last.score
        close = (_NO_SCORE if score is None else score) << 2 | _PLACE[state.zone]
        days = min(today - since, CLOSES_KEPT)
        state.closes = (state.closes + close.to_bytes(_BYTES, "big") * days)[-_BYTES * CLOSES_KEPT :]
    state.closes_day = today
    return True


def closes(state: AccountState) -> Iterator[Close]:
    """The closes of an account, oldest first."""
    if state.closes_day is None:
        return
    first = state.closes_day - len(state.closes) // _BYTES
    for at in range(0, len(state.closes), _BYTES):
        close = int.from_bytes(state.closes[at : at + _BYTES], "big")
        score = close >> 2
        yield Close(first + at // _BYTES, None if score == _NO_SCORE else score, _ZONES[close & 3])


def highest_close(state: AccountState, days: int) -> int | None:
    """The highest score at the end of one of the last `days` days before the newest evaluation; None: no score."""
    tail = state.closes[-_BYTES * days :]
    highest = -1
    for at in range(0, len(tail), _BYTES):
        score = (tail[at] << 8 | tail[at + 1]) >> 2
        if score != _NO_SCORE and score > highest:
            highest = score
    return None if highest < 0 else highest
