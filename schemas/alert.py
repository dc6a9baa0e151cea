"""Alert: the thing to say. A notification is the decision to say it to one receiver, a delivery one HTTP try."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.base import Contract, Identifier, UtcTime
from schemas.health import Points, Zone
from schemas.transition import AccountFacts, Cause, Receipt, RuleKind


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
    rule: str = Field(description="'zone', or the name of a rule of the model.")
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
    kind: RuleKind = Field(default=RuleKind.CHURN, description="What it is about: it decides who is told.")
    label: str = Field(default="", description="The rule in words a CSM reads; empty for 'zone'.")
    profile: str | None = Field(default=None, description="The model's profile for this account; null: none fits.")
    account: AccountFacts = Field(default_factory=AccountFacts, description="As it was at `updated_at`.")


class Notice(StrEnum):
    """What a message about an alert says."""

    FIRING = "alert.firing"
    RESOLVED = "alert.resolved"


class AlertMessage(Contract):
    """Body of a webhook: Standard Webhooks 1.0.0, type, timestamp and data."""

    type: Notice
    timestamp: UtcTime
    data: Alert
