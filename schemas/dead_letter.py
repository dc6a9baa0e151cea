"""DeadLetter: what we will never apply as it is, with its reason.

On the topic a dead letter is the raw key, value and headers of the original record, plus the headers below
(the convention of Kafka Streams' KIP-1034).
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.base import Contract

HEADER_PREFIX = "kenko.error."


class DeadLetterReason(StrEnum):
    """Why it cannot be applied: also the label of the metric that counts it."""

    UNDECODABLE = "undecodable"
    """The bytes are no event."""
    INVALID = "invalid"
    """An event with a field that is missing or wrong."""
    IN_THE_FUTURE = "in_the_future"
    """More than an hour ahead of the record's Kafka timestamp."""
    TOO_LARGE = "too_large"
    """Larger than the limit of one event."""
    UNKNOWN_TYPE = "unknown_type"
    """A kenko.* record that this version does not know."""
    UNATTRIBUTED = "unattributed"
    """A call of a client library for which no account could be found."""
    MISROUTED = "misrouted"
    """Forwarded, and still on the wrong partition for its key."""


class DeadLetter(Contract):
    """The error headers of a dead letter: `kenko.error.<field>` each."""

    reason: DeadLetterReason
    message: str = Field(description="Names the field and the mend; no payload.")
    app: str = Field(description="Who gave it up: ingest, scorer or alerter.")
    topic: str | None = Field(default=None, description="Where the record stood; null if it never reached a topic.")
    partition: int | None = None
    offset: int | None = None
    dialect: str | None = Field(default=None, description="How ingest read it: the value is one item of a request.")
    path: str | None = Field(default=None, description="Path of that request: some say by it what kind of call it is.")
    source: str | None = Field(default=None, description="Source of the key that it was sent with, where it has one.")
    backfill: bool = Field(default=False, description="It came as history, which alerts nobody.")

    def headers(self) -> list[tuple[str, bytes]]:
        """The error headers, ready for a Kafka record."""
        fields = self.model_dump(mode="json", exclude_defaults=True)
        return [(HEADER_PREFIX + name, _text(value).encode()) for name, value in fields.items()]

    @classmethod
    def from_headers(cls, headers: list[tuple[str, bytes]]) -> DeadLetter:
        """The reverse of `headers`; other headers are passed over."""
        fields = {k.removeprefix(HEADER_PREFIX): v.decode() for k, v in headers if k.startswith(HEADER_PREFIX)}
        return cls.model_validate(fields)


def _text(value: str | int) -> str:
    return "true" if value is True else str(value)
