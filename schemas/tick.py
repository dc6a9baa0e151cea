"""Tick: a record that carries time into a partition. The scorer reads time from nowhere else."""

from __future__ import annotations

from schemas.base import Contract, UtcTime

TICK_TYPE = "kenko.tick.v1"
"""CloudEvents type of a tick record; its key is null."""


class Tick(Contract):
    """Accounts of the partition that were touched or are due are scored at `time`."""

    time: UtcTime
