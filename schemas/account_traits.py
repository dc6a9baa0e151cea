"""AccountTraits: facts about an account, on the usage-events log: what a CRM or a billing system knows."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from schemas.base import Contract, Identifier, UtcTime

TRAITS_TYPE = "kenko.traits.v1"
"""CloudEvents type; the record's key is the account id."""

TraitValue = str | float | bool | None


class AccountTraits(Contract):
    """Each trait is the newest by time: an older record that comes late changes only what no newer one said."""

    model_config = ConfigDict(extra="forbid")

    id: Identifier = Field(description="Stays the same when the producer retries.")
    source: Identifier = Field(default="api", description="Who says so; ids are unique within a source.")
    account_id: Identifier
    time: UtcTime = Field(description="Since when it is so.")
    traits: dict[str, TraitValue] = Field(description="By name, for example seats, mrr, owner; null: no longer known.")
