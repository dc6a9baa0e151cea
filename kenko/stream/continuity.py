"""Does a batch follow on what was applied? Nothing is skipped unless the broker itself has nothing there."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from kenko.stream.batches import Batch


class Continuity(StrEnum):
    """How a batch stands to the next offset to apply."""

    FOLLOWS = "follows"
    """Apply it, from the next offset on."""
    BELOW = "below"
    """All of it was applied before: drop it."""
    GAP = "gap"
    """Records between were fetched but never came here (Faust dropped them, or a seek overtook them): read them again."""
    SHORTER_LOG = "shorter_log"
    """All of it was applied before, yet the log ended below the next offset when it was fetched. Either the batch is an
    old one, or the log is not the one this state was made from: ask the broker."""


class Verdict(NamedTuple):
    """What to do with a batch."""

    continuity: Continuity
    hole: int = 0
    """Offsets the broker holds no record for: transaction markers, compaction, or a log that now starts later."""


def judge(batch: Batch, next_offset: int) -> Verdict:
    """Compare `batch` with the next offset to apply.

    A batch knows where it was read from. Read from at or below the next offset, whatever is missing before its first
    record is missing in the broker too. Read from above it, records are missing here only, and must be read again.
    """
    if batch.end <= next_offset:
        shorter = batch.highwater is not None and batch.highwater < next_offset
        return Verdict(Continuity.SHORTER_LOG if shorter else Continuity.BELOW)
    if batch.follows > next_offset:
        return Verdict(Continuity.GAP)
    return Verdict(Continuity.FOLLOWS, hole=max(0, batch.first - next_offset))
