"""Episode: the alert of one stay in red, or of one time a rule holds, under one id from firing to resolution."""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b

from kenko.alerting.render import Rendering, render_firing, render_resolved
from schemas.alert import Alert, AlertStatus, Notice
from schemas.base import from_ms
from schemas.transition import Transition


def alert_id_of(opening: Transition) -> str:
    """The id of the alert that `opening` opens: the same whenever the same log is read with the same model."""
    return blake2b(opening.id.encode(), digest_size=16, person=b"kenko.alert.v1").hexdigest()


def message_id(alert_id: str, notice: Notice) -> str:
    """The id a receiver dedupes on: one a notice, the same for every retry. Has no dot: signatures separate by it."""
    return f"{alert_id}-{notice.value.removeprefix('alert.')}"


def firing_alert(opening: Transition) -> Alert:
    """The alert as it fires."""
    words = render_firing(opening)
    return _alert(opening, words, AlertStatus.FIRING, alert_id=alert_id_of(opening), opened_at=opening.time)


def resolved_alert(closing: Transition, *, alert_id: str, opened_ms: int) -> Alert:
    """The alert as it ends: the transition that ended it explains it."""
    words = render_resolved(closing, opened_ms=opened_ms)
    return _alert(closing, words, AlertStatus.RESOLVED, alert_id=alert_id, opened_at=from_ms(opened_ms))


def _alert(
    transition: Transition, words: Rendering, status: AlertStatus, *, alert_id: str, opened_at: datetime
) -> Alert:
    return Alert(
        id=alert_id,
        account_id=transition.account_id,
        rule=transition.rule,
        status=status,
        zone=transition.to_zone,
        score=transition.receipt.score,
        score_before=transition.receipt.reference_score,
        opened_at=opened_at,
        updated_at=transition.time,
        cause=transition.cause,
        title=words.title,
        reason=words.reason,
        next_step=words.next_step,
        receipt=transition.receipt,
        kind=transition.kind,
        label=transition.label,
        profile=transition.profile,
        account=transition.account,
    )
