"""Alert: the thing to say. A notification is the decision to say it to one receiver, a delivery one HTTP try."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.base import Contract, Identifier, UtcTime
from schemas.health import Points, Zone
from schemas.transition import Cause, Receipt


class AlertStatus(StrEnum):
    """Where an alert stands."""

    PENDING = "pending"
    FIRING = "firing"
    ACKED = "acked"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class Alert(Contract):
    """One episode of one rule of one account: the same `id` from its firing to its resolution."""

    id: str = Field(description="One an episode: derived from the transition that opened it.")
    account_id: Identifier
    rule: str
    status: AlertStatus
    zone: Zone | None
    score: Points | None
    score_before: Points | None = Field(description="The score at the receipt's reference time, about a week earlier.")
    opened_at: UtcTime
    updated_at: UtcTime
    cause: Cause
    title: str = Field(description="One line, for example 'Acme entered red: 38, was 61 on 3 March'.")
    reason: str = Field(description="Why, in words, most important first.")
    next_step: str = Field(default="", description="What to do about it.")
    receipt: Receipt


class Notice(StrEnum):
    """What a message about an alert says."""

    FIRING = "alert.firing"
    RESOLVED = "alert.resolved"


class AlertMessage(Contract):
    """Body of a webhook: Standard Webhooks 1.0.0, type, timestamp and data."""

    type: Notice
    timestamp: UtcTime
    data: Alert
