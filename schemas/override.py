"""Override: a person sets an account's score by hand, for a time, with a reason. A record of the usage-events log."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from schemas.base import Contract, Identifier, UtcTime

OVERRIDE_TYPE = "kenko.override.v1"
"""CloudEvents type; the record's key is the account id."""


class Override(Contract):
    """The newest by time counts, until it ends. What inputs say goes on being measured, and is shown beside it."""

    model_config = ConfigDict(extra="forbid")

    id: Identifier = Field(description="Stays the same when the producer retries.")
    source: Identifier = Field(default="api", description="Where it was set; ids are unique within a source.")
    account_id: Identifier
    time: UtcTime = Field(description="When it was set.")
    score: float | None = Field(ge=0, le=100, description="The score from now on; null lifts an override.")
    until: UtcTime | None = Field(default=None, description="When it ends by itself; null: not before it is lifted.")
    reason: str = Field(min_length=1, max_length=500)
    author: str = Field(min_length=1, max_length=200, description="Who set it.")
