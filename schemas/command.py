"""Command: what people tell the alerter. Overrides and forgets are records of the usage-events log instead."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.base import Contract, Identifier, UtcTime


class CommandKind(StrEnum):
    """What is asked for."""

    ACK = "ack"
    SNOOZE = "snooze"
    RESOLVE = "resolve"
    SILENCE = "silence"
    FEEDBACK = "feedback"


class Command(Contract):
    """Carries who asked and why: every change can be audited."""

    id: Identifier
    kind: CommandKind
    account_id: Identifier
    alert_id: str | None = None
    by: Identifier = Field(description="Who asked for it.")
    at: UtcTime
    until: UtcTime | None = Field(default=None, description="End of a snooze or a silence.")
    reason: str = Field(default="", max_length=2000)
    useful: bool | None = Field(default=None, description="With feedback: was the alert useful?")
