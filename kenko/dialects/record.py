"""A Kafka record as the dialects see it, and the refusal of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from kenko.runtime.errors import PermanentError
from schemas.dead_letter import DeadLetterReason

Headers = Sequence[tuple[str, bytes]]

JSON_TYPE: Final = b"application/json"
VERSION_HEADER: Final = ("ce_specversion", b"1.0")
CONTENT_HEADER: Final = ("content-type", JSON_TYPE)
"""Of a CloudEvent in binary mode whose value is JSON."""


class KafkaRecord(NamedTuple):
    """What is handed to a producer."""

    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


class InvalidRecord(PermanentError):  # noqa: N818 - the name says what it is; the caller dead-letters it
    """A record that will never be applied. The text names the field and the mend, and holds no payload."""

    def __init__(self, reason: DeadLetterReason, message: str) -> None:
        super().__init__(message, reason=reason.value)
        self.dead_letter_reason = reason
        self.message = message
