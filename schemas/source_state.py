"""SourceState: a source of events fell silent, or is back. Decided in one place and written to every partition."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from schemas.base import Contract, Identifier, UtcTime

SOURCE_STATE_TYPE = "kenko.source-state.v1"
"""CloudEvents type; the record's key is null, one goes to every partition."""


class SourceState(Contract):
    """While a source is silent, time takes nothing away from the signals it feeds: the pipeline is at fault, not the
    customers.
    """

    model_config = ConfigDict(extra="forbid")

    source: Identifier | None = Field(description="As events name it; null: all sources together.")
    silent_since: UtcTime | None = Field(description="Its last event; null: it is back.")
