"""Record: what is kept of an alert and of its deliveries, for readers and for the audit."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from kenko.alerting.outcome import SendError
from kenko.alerting.reason import Reason
from schemas.alert import Alert, AlertStatus, Notice
from schemas.base import Contract, UtcTime


class DeliveryStatus(StrEnum):
    """Where the notice to one receiver stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    """Tried as often as the schedule says, never with success."""
    DISABLED = "disabled"
    """The receiver is gone for good (410)."""
    FAILED = "failed"
    """The receiver refuses this message, whenever it comes."""
    SUPPRESSED = "suppressed"
    """Not sent: the receiver never got the firing, or is no longer configured."""


class DeliveryRecord(Contract):
    """One notice to one receiver. Written as pending with the alert, and again after the last try."""

    receiver: str
    notice: Notice
    status: DeliveryStatus
    queued_at: UtcTime = Field(description="Wall time.")
    attempts: int = Field(default=0, ge=0)
    at: UtcTime | None = Field(default=None, description="Wall time of the outcome.")
    latency_ms: int | None = Field(default=None, description="From the transition's Kafka record to the outcome.")
    http_status: int | None = None
    error: SendError | None = None


class Verdict(Contract):
    """What was decided at one end of an alert: at its firing or at its resolution."""

    alert: Alert
    reason: Reason


class AlertHistory(Contract):
    """An alert from end to end, as readers see it."""

    id: str
    account_id: str
    rule: str
    partition: int
    status: AlertStatus
    reason: Reason = Field(description="Why it was told, or why not.")
    resolve_reason: Reason | None = None
    opened_at: UtcTime
    resolved_at: UtcTime | None = None
    alert: Alert = Field(description="As it fired.")
    deliveries: tuple[DeliveryRecord, ...] = ()

    @property
    def suppressed(self) -> bool:
        """True if nobody was to be told of the firing; `reason` says why."""
        return self.reason.suppresses

    @classmethod
    def of(
        cls, partition: int, firing: Verdict, resolved: Verdict | None, deliveries: tuple[DeliveryRecord, ...]
    ) -> AlertHistory:
        """The view over what is stored."""
        alert = firing.alert
        order = {Notice.FIRING: 0, Notice.RESOLVED: 1}
        return cls(
            id=alert.id,
            account_id=alert.account_id,
            rule=alert.rule,
            partition=partition,
            status=alert.status if resolved is None else resolved.alert.status,
            reason=firing.reason,
            resolve_reason=None if resolved is None else resolved.reason,
            opened_at=alert.opened_at,
            resolved_at=None if resolved is None else resolved.alert.updated_at,
            alert=alert,
            deliveries=tuple(sorted(deliveries, key=lambda d: (order[d.notice], d.receiver))),
        )
