"""DeliveryOutcome: what came of one HTTP try, in the terms of what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SendStatus(StrEnum):
    """What the sender does next; also a metric label."""

    DELIVERED = "delivered"
    RETRY = "retry"
    """Try again later."""
    DISABLED = "disabled"
    """The receiver said it is gone for good (410): nothing more is sent to it."""
    PERMANENT = "permanent"
    """This message will never be taken as it is."""


class SendError(StrEnum):
    """Why a try did not deliver. Never the text of an exception or of a body."""

    STATUS = "status"
    """An answer that is not 2xx."""
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    """No such host, refused, or reset."""
    BAD_TLS = "bad_tls"
    REFUSED_ADDRESS = "refused_address"
    """The URL leads to an address we do not send to."""
    TOO_LARGE = "too_large"
    """The message does not fit into what the receiver takes."""


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """`retry_after_ms` is what the receiver asked for, already clamped; None where it did not ask."""

    status: SendStatus
    http_status: int | None = None
    retry_after_ms: int | None = None
    error: SendError | None = None
