"""Days that are counted from the account's own dates: tenure, time to value, days to renewal. Whole days, as integers."""

from __future__ import annotations

from kenko.engine.signals.kind import Reading
from kenko.engine.state import AccountState
from kenko.engine.traits import began_ms, renewal_ms
from kenko.model.limits import DAY_MS


def tenure(state: AccountState, now_ms: int) -> Reading:
    """Whole days passed since the beginning; it grows at the beginning's time of day. A beginning ahead of now is now."""
    began = began_ms(state)
    if began is None:
        return None, None
    days = (now_ms - began) // DAY_MS if now_ms > began else 0
    return days, began + (days + 1) * DAY_MS


def time_to(state: AccountState, reached_ms: int | None, now_ms: int) -> Reading:
    """Whole days from the beginning until it was reached, or until now while it was not. Before the beginning: 0."""
    began = began_ms(state)
    if reached_ms is None or began is None:
        return tenure(state, now_ms)
    return max(0, reached_ms - began) // DAY_MS, None


def days_to_renewal(state: AccountState, now_ms: int) -> Reading:
    """The renewal date less today's date, in UTC: 0 all through the day itself, 1 the day before, -1 the day after."""
    renewal = renewal_ms(state)
    if renewal is None:
        return None, None
    today = now_ms // DAY_MS
    return renewal // DAY_MS - today, (today + 1) * DAY_MS
