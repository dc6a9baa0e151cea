"""Forget: an account is to be forgotten, for good. A record of the usage-events log, and copied onto the transitions topic."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from schemas.base import Contract, Identifier, UtcTime

FORGET_TYPE = "kenko.forget.v1"
"""CloudEvents type; the record's key is the account id."""


class Forget(Contract):
    """From this record on nothing is kept of the account, and nothing of it is taken in: not in a replay either."""

    model_config = ConfigDict(extra="forbid")

    id: Identifier = Field(description="Stays the same when the producer retries.")
    source: Identifier = Field(default="api", description="Where it was asked for; ids are unique within a source.")
    account_id: Identifier
    time: UtcTime = Field(description="When it was asked for.")
    author: str = Field(min_length=1, max_length=200, description="Who asked for it.")
