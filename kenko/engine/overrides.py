"""Overrides: a score that a person set, until it ends."""

from __future__ import annotations

from typing import NamedTuple

from kenko.engine.identity import tie_break
from kenko.engine.state import AccountState
from schemas.base import to_ms
from schemas.health import centi
from schemas.override import Override


class Active(NamedTuple):
    """An override in force."""

    score: int
    """Hundredths of a point."""
    until_ms: int | None
    reason: str
    author: str


def take_override(state: AccountState, record: Override, digest: bytes) -> None:
    """The newest by time, then by digest, is the one."""
    entry = [
        to_ms(record.time),
        tie_break(digest),
        None if record.score is None else centi(record.score),
        None if record.until is None else to_ms(record.until),
        record.reason,
        record.author,
    ]
    if state.override is None or state.override[:2] < entry[:2]:
        state.override = entry


def active_override(state: AccountState, now_ms: int) -> Active | None:
    """The override in force at `now_ms`. One that was lifted, or has ended, is none."""
    if state.override is None:
        return None
    _, _, score, until_ms, reason, author = state.override
    if score is None or (until_ms is not None and now_ms >= until_ms):
        return None
    return Active(score, until_ms, reason, author)
