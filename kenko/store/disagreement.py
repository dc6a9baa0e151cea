"""Disagreement: what the live model and another one say of the same accounts. Reads only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

from kenko.engine.rows import Row
from kenko.engine.state import decode_state
from kenko.store.succession import Succession
from schemas.health import Zone

NO_ZONE = "none"
ZONES = (*(zone.value for zone in Zone), NO_ZONE)
"""The zones of an account, in words: a closed set."""


class Seen(NamedTuple):
    """An account by one model, as its last evaluation found it."""

    zone: str
    """One of `ZONES`."""
    score: float | None
    """Points; None: no score, or no such account."""


NOTHING = Seen(NO_ZONE, None)


class Compared(NamedTuple):
    """An account by both."""

    account_id: str
    live: Seen
    other: Seen

    @property
    def differs(self) -> bool:
        """In its zone: a score alone tells nobody anything."""
        return self.live.zone != self.other.zone


async def compare(succession: Succession, live: str, other: str) -> AsyncIterator[list[Compared]]:
    """Every account of the live model, some at a time.

    Each row is as it stands when it is read: while events come, one of the two may be a moment ahead of the other.
    """
    async for account_ids in succession.accounts(live):
        theirs = await succession.store(live).rows(account_ids, with_ids=False)
        mine = await succession.store(other).rows(account_ids, with_ids=False)
        yield [Compared(account_id, _seen(row), _seen(mine[account_id])) for account_id, row in theirs.items()]


def _seen(row: Row | None) -> Seen:
    if row is None:
        return NOTHING
    state = decode_state(row.state)
    score = None if state.last is None or state.last.score is None else state.last.score / 100
    return Seen(NO_ZONE if state.zone is None else state.zone.value, score)
