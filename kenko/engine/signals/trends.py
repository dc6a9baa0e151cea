"""A windowed number against the account's own past: 1 is as ever, 0.5 half of it."""

from __future__ import annotations

from kenko.engine.signals.active_days import ActiveDaysKind
from kenko.engine.signals.counts import Buckets
from kenko.engine.signals.kind import Reading
from kenko.engine.signals.quotients import Derive, Raws
from kenko.engine.signals.values import MILLION
from kenko.engine.state import AccountState

_MOST = 10 * MILLION
"""Ten times as much as ever is the most there is: something out of nothing counts as that too."""


def trend(kind: Buckets | ActiveDaysKind, of: int, baseline_ms: int) -> Derive:
    """Reads column `of`, the window of `kind`, and from its cell the buckets of the `baseline_ms` before that.

    Only buckets since the account was first seen are its past; they are scaled to the length of the window. No data
    while they are shorter than one window, and while there is nothing in both.
    """
    amount, cell_index, bucket_ms, window_ms = kind.amount, kind.index, kind.bucket_ms, kind.window_ms
    span_ms = window_ms + baseline_ms

    def derive(state: AccountState, now_ms: int, raws: Raws, _changes: Raws) -> Reading:
        cell = state.signals[cell_index]
        if not cell:
            return None, None
        before, oldest = (now_ms - window_ms) // bucket_ms, (now_ms - span_ms) // bucket_ms
        change = (before + 1) * bucket_ms + window_ms
        oldest_leaves = (oldest + 1) * bucket_ms + span_ms
        change = min(change, oldest_leaves)
        first_seen = state.first_seen_ms
        if first_seen is None:
            return None, change
        unseen = first_seen // bucket_ms - 1
        past_ms = (before - max(unseen, oldest)) * bucket_ms
        if past_ms < window_ms:
            return None, change
        now_amount = raws[of] or 0
        past_amount = amount(cell, oldest) - now_amount
        return _against(now_amount * past_ms, past_amount * window_ms), change

    return derive


def _against(now_amount: int, past_amount: int) -> int | None:
    """The quotient in millionths, rounded half up, 0 to 10. A past below 0 (a sum may be) is as nothing."""
    if past_amount <= 0:
        return _MOST if now_amount > 0 else None
    if now_amount <= 0:
        return 0
    raw = (2 * now_amount * MILLION + past_amount) // (2 * past_amount)
    return min(_MOST, raw)
