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
    shadow: bool = Field(
        default=False,
        description="'true': run the model beside the live one, tell nobody anything, and count where the two disagree.",
    )
    snapshot_hours: float = Field(
        default=6.0,
        gt=0,
        le=24,
        description="Hours between two sets of snapshots. After a loss of Redis as much of the log is read again.",
    )
    stop_grace_s: float = Field(
        default=25.0, ge=1, le=600, description="Seconds from SIGTERM to exit; below the pod's grace period."
    )
