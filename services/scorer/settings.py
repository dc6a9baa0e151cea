"""Settings of the scorer, besides those of every service."""

from __future__ import annotations

from pydantic import Field

from kenko.runtime.settings import Settings


class ScorerSettings(Settings):
    """KENKO_<NAME> each."""

    group_instance_id: str | None = Field(
        default=None,
        max_length=200,
        description="A name that stays over restarts, for example the pod's: a quick restart then moves no partition.",
    )
    working_set_rows: int = Field(
        default=400_000, ge=1_000, description="Rows kept in memory, over all partitions; about 2 KB each."
    )
    stop_grace_s: float = Field(
        default=25.0, ge=1, le=600, description="Seconds from SIGTERM to exit; below the pod's grace period."
    )
