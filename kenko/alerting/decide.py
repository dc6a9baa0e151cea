"""Decide: whether a transition opens, resolves or changes nothing, and whether anyone is told.

The order is the order of the pipeline: dedupe, episode, age, route, cooldown.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from kenko.alerting.episode import alert_id_of, firing_alert, resolved_alert
from kenko.alerting.policy import AlertPolicy
from kenko.alerting.reason import Reason
from kenko.alerting.state import AlertState, OpenAlert
from schemas.alert import Alert, Notice
from schemas.transition import Transition


@dataclass(frozen=True, slots=True)
class Decision:
    """What to remember, what to record and whom to tell.

    `alert` is None where there is no alert to record. `notice` is None where nobody is told; the alert is
    recorded all the same, with `reason`.
    """

    state: AlertState
    reason: Reason
    alert: Alert | None = None
    notice: Notice | None = None
    receivers: tuple[str, ...] = ()


def decide(state: AlertState | None, transition: Transition, now_ms: int, policy: AlertPolicy) -> Decision:
    """Decide about one transition of one account and rule.

    `state` is what the last decision left, None for the first. `now_ms` is wall time, or the newest tick in
    `time: log`. It only judges age: the cooldown compares the times of transitions, so it comes out the same
    however late they are read.
    """
    if state is not None and state.covers(transition):
        return Decision(state, Reason.DUPLICATE)
    moved = AlertState.at(state, transition)
    if moved.open is None:
        return _open(moved, transition, now_ms, policy) if transition.holds else Decision(moved, Reason.NOTHING_OPEN)
    if transition.holds:
        return Decision(moved, Reason.STILL_OPEN)
    return _resolve(moved, moved.open, transition, now_ms, policy)


def _open(state: AlertState, transition: Transition, now_ms: int, policy: AlertPolicy) -> Decision:
    reason = Reason.BACKFILL if transition.backfill else _why_open(state, now_ms, policy)
    tell = reason is Reason.OPENED
    told = policy.receivers if tell else ()
    opened = msgspec.structs.replace(
        state,
        open=OpenAlert(alert_id_of(transition), state.time_ms, told),
        notified_ms=state.time_ms if tell else state.notified_ms,
    )
    return Decision(opened, reason, firing_alert(transition), Notice.FIRING if tell else None, told)


def _why_open(state: AlertState, now_ms: int, policy: AlertPolicy) -> Reason:
    if now_ms - state.time_ms > policy.max_alert_age_ms:
        return Reason.TOO_OLD
    if not policy.receivers:
        return Reason.NO_RECEIVER
    if state.notified_ms is not None and abs(state.time_ms - state.notified_ms) < policy.cooldown_ms:
        return Reason.COOLDOWN
    return Reason.OPENED


def _resolve(
    state: AlertState, ending: OpenAlert, transition: Transition, now_ms: int, policy: AlertPolicy
) -> Decision:
    alert = resolved_alert(transition, alert_id=ending.id, opened_ms=ending.opened_ms)
    closed = msgspec.structs.replace(state, open=None)
    # A receiver that was added since then never heard of the firing; one that was removed cannot be told.
    told = tuple(name for name in ending.told if name in policy.receivers)
    if not told:
        return Decision(closed, Reason.NOT_TOLD, alert)
    if now_ms - state.time_ms > policy.max_alert_age_ms:
        return Decision(closed, Reason.TOO_OLD, alert)
    return Decision(closed, Reason.RESOLVED, alert, Notice.RESOLVED, told)
