"""What is wrong with an event, said so that its sender can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.dead_letter import DeadLetterReason


class ProblemCode(StrEnum):
    """What kind of mistake it is: answered to the client, and the label of the metric that counts it."""

    UNDECODABLE = "undecodable"
    """No strict JSON: syntax, UTF-8, NaN, lone surrogates."""
    MISSING = "missing"
    INVALID = "invalid"
    UNKNOWN_FIELD = "unknown_field"
    RESERVED = "reserved"
    IN_THE_FUTURE = "in_the_future"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    UNATTRIBUTED = "unattributed"
    """No account can be found for it. It is kept aside, and may be tried again once its user is known."""
    FORBIDDEN_SOURCE = "forbidden_source"
    """The key may not send for this source."""

    @property
    def dead_letter_reason(self) -> DeadLetterReason:
        return _REASONS.get(self, DeadLetterReason.INVALID)


_REASONS = {
    ProblemCode.UNDECODABLE: DeadLetterReason.UNDECODABLE,
    ProblemCode.IN_THE_FUTURE: DeadLetterReason.IN_THE_FUTURE,
    ProblemCode.TOO_LARGE: DeadLetterReason.TOO_LARGE,
    ProblemCode.UNATTRIBUTED: DeadLetterReason.UNATTRIBUTED,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One refused event, with the first mistake that was found in it."""

    index: int
    """Place in the request, from 0."""
    id: str | None
    """The event's own id, where it has a usable one."""
    field: str | None
    """Path in the event as it was sent, for example 'data.rows'; null where the event as a whole is wrong."""
    code: ProblemCode
    message: str


class FieldError(ValueError):
    """One field of an event is wrong."""

    def __init__(self, field: str | None, code: ProblemCode, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message
