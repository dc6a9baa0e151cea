"""The ground all contracts stand on: frozen models, UTC times, identifiers that are safe to store and to log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Contract(BaseModel):
    """A value that crosses a wire: frozen. A field it does not know is passed over, so that a reader may be older than
    the writer while a release rolls out. What clients send is closed instead: see `UsageEvent`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


def to_ms(time: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC, exact (no float in between), rounded down."""
    delta = time - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def from_ms(ms: int) -> datetime:
    """The UTC time at `ms` milliseconds since 1970-01-01, exact."""
    seconds, rest = divmod(ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def _to_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from None


def _no_control(text: str) -> str:
    for char in text:
        if char < " " or char == "\x7f" or "\x80" <= char <= "\x9f" or "\ud800" <= char <= "\udfff":
            raise ValueError(f"must not contain control characters or lone surrogates (found {char!a})")
    return text


def _not_blank(text: str) -> str:
    if text != text.strip():
        raise ValueError("must not begin or end with white space")
    return text


UtcTime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A time with an offset; kept in UTC. A time without an offset is refused: nobody could say which hour it means."""

Identifier = Annotated[
    str, Field(min_length=1, max_length=200), AfterValidator(_no_control), AfterValidator(_not_blank)
]
"""An id, 1 to 200 characters, without control characters: it becomes a Kafka key and part of a Redis key."""

Properties = dict[str, Any]
"""Free JSON properties of an event."""
