"""The earlier evaluation a receipt compares with: "38, was 61 a week ago".

Time is cut into periods of five days. A row keeps the evaluation in force when the running period began and the one in
force when the period before it began: the older is five to ten days old. Because an account is evaluated whenever
passing time changes something, what was in force at a boundary does not depend on how often it was evaluated.
"""

from __future__ import annotations

from kenko.engine.state import AccountState, Snapshot
from kenko.model.limits import DAY_MS

PERIOD_MS = 5 * DAY_MS


def rotate(state: AccountState, now_ms: int) -> None:
    """Keep the evaluations in force at the period boundaries up to `now_ms`. Call before `last` is replaced."""
    last = state.last
    if last is None:
        return
    periods = now_ms // PERIOD_MS - last.time_ms // PERIOD_MS
    if periods > 0:
        state.period_before = state.period_start if periods == 1 else last
        state.period_start = last


def reference(state: AccountState) -> Snapshot | None:
    """The evaluation to compare with: the older of the two, or what there is."""
    return state.period_before or state.period_start


def forget_details(state: AccountState) -> None:
    """After a change of the model: another model's values stand in other places. Its scores stay."""
    for snapshot in (state.period_start, state.period_before):
        if snapshot is not None:
            snapshot.raws = []
            snapshot.lasting = {}
            snapshot.policy = 0
    state.lasting = {}
