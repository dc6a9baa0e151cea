"""Backfill: history that is loaded into an account changes its score and is told to nobody.

A step that history caused is not always the one it was applied in: red may have to last before it counts. So what becomes
true is quiet for an hour after the last event of history, and for as long as it had to last besides.
"""

from __future__ import annotations

from typing import Final

from kenko.engine.state import AccountState
from kenko.model.limits import HOUR_MS

JUST_NOW: Final = 0
"""In place of a time, until the next evaluation: no time but a tick's is known while events are applied."""
QUIET_MS: Final = HOUR_MS


def note_backfill(state: AccountState) -> None:
    """An event of history was applied."""
    state.backfilled_ms = JUST_NOW


def settle_backfill(state: AccountState, now_ms: int) -> None:
    """At an evaluation: what was applied since the last one counts as applied now."""
    if state.backfilled_ms == JUST_NOW:
        state.backfilled_ms = now_ms


def is_quiet(state: AccountState, now_ms: int, hold_ms: int) -> bool:
    """Whether history is behind what becomes true at `now_ms`, after it had to last for `hold_ms`."""
    return state.backfilled_ms is not None and now_ms - state.backfilled_ms <= QUIET_MS + hold_ms
