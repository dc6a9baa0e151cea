"""UsageEvent: an immutable fact about the use of a product by one account."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from schemas.base import Contract, Identifier, Properties, UtcTime

RESERVED_PREFIX = "kenko."
"""Types that begin so are records of our own log (ticks, traits, overrides); no client may send one."""

MAX_EVENT_BYTES = 32 * 1024
"""Largest single event in JSON, in bytes (Segment's limit)."""


def _not_reserved(name: str) -> str:
    if name.lower().startswith(RESERVED_PREFIX):
        raise ValueError(f"names that begin with {RESERVED_PREFIX!r} are reserved for Kenko's own records")
    return name


EventName = Annotated[Identifier, AfterValidator(_not_reserved)]


class UsageEvent(Contract):
    """`(source, id)` is unique and stable over a producer's retries: that pair is what duplicates are found by.

    Closed: a field that is not known is an error that names it, for a misspelt field would be lost in silence.
    """

    model_config = ConfigDict(extra="forbid")

    id: Identifier = Field(description="Stays the same when the producer retries.")
    source: Identifier = Field(default="api", description="Who produced it; ids are unique within a source.")
    account_id: Identifier = Field(description="The customer scored: not a user, not a tenant.")
    user_id: Identifier | None = Field(default=None, description="The person in the account, where there is one.")
    event: EventName = Field(description="What happened, for example 'Report Exported'.")
    time: UtcTime = Field(description="Event time: when it happened.")
    received_at: UtcTime | None = Field(default=None, description="When Kenko accepted it; set by ingest.")
    properties: Properties = Field(default_factory=dict, description="Free JSON properties.")
    backfill: bool = Field(
        default=False, description="History loaded from outside: it changes scores and alerts nobody. Set by ingest."
    )
