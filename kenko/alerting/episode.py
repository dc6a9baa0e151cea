"""Episode: the alert of one stay in red, under one id from its firing to its resolution."""

from __future__ import annotations

from hashlib import blake2b

from kenko.alerting.render import render_firing, render_resolved
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
    return Alert(
        id=alert_id_of(opening),
        account_id=opening.account_id,
        rule=opening.rule,
        status=AlertStatus.FIRING,
        zone=opening.to_zone,
        score=opening.receipt.score,
        score_before=opening.receipt.reference_score,
        opened_at=opening.time,
        updated_at=opening.time,
        cause=opening.cause,
        title=words.title,
        reason=words.reason,
        next_step=words.next_step,
        receipt=opening.receipt,
    )


def resolved_alert(closing: Transition, *, alert_id: str, opened_ms: int) -> Alert:
    """The alert as it ends: the transition that left red explains it."""
    words = render_resolved(closing, opened_ms=opened_ms)
    return Alert(
        id=alert_id,
        account_id=closing.account_id,
        rule=closing.rule,
        status=AlertStatus.RESOLVED,
        zone=closing.to_zone,
        score=closing.receipt.score,
        score_before=closing.receipt.reference_score,
        opened_at=from_ms(opened_ms),
        updated_at=closing.time,
        cause=closing.cause,
        title=words.title,
        reason=words.reason,
        next_step=words.next_step,
        receipt=closing.receipt,
    )
