"""Strays: the records of one partition that belong to another one, and the copies that came from others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from kenko.engine.partitioning import murmur2_partition
from kenko.runtime.clock import Clock
from kenko.runtime.logging import get_logger
from kenko.stream.decode import Item
from kenko.stream.forwarding import MEND, copy_of, still_wrong
from kenko.stream.plan import RunnerPlan
from kenko.stream.producer import OutRecord
from schemas.forwarded import Forwarded
from schemas.usage_event import UsageEvent

WARN_EVERY_S: Final = 600.0

_log = get_logger(__name__)


class Fate(StrEnum):
    """What becomes of a record because of where it stands. Also the name it is counted under, but for the first."""

    OURS = "ours"
    """It is applied here."""
    FORWARDED = "forwarded"
    """A copy of it goes to the partition of its key. It is counted as applied, or whatever becomes of it, there."""
    DUPLICATE = "forwarded_duplicate"
    """A copy that was written again, after a crash or in a replay."""


class MisroutedWarning:
    """Tells whoever reads the log what to mend: at most once in `WARN_EVERY_S` for a partition."""

    def __init__(self, partition: int, clock: Clock) -> None:
        self._partition = partition
        self._clock = clock
        self._warned_s: float | None = None
        self._records = 0

    def forwarded(self, item: Item) -> None:
        self._records += 1
        now_s = self._clock.monotonic()
        if self._warned_s is not None and now_s - self._warned_s < WARN_EVERY_S:
            return
        # The producer's client id is not in a record; the source of its events is what we can name.
        source = item.content.source if isinstance(item.content, UsageEvent) else None
        _log.warning(
            "scorer.misrouted", partition=self._partition, records=self._records, first_source=source, mend=MEND
        )
        self._warned_s, self._records = now_s, 0


class Strays:
    """Judges records by their place. What it holds is lost, and made again, with the working set."""

    def __init__(self, plan: RunnerPlan, applied: Mapping[int, int], warning: MisroutedWarning) -> None:
        self._plan = plan
        self._warning = warning
        self.applied: dict[int, int] = dict(applied)
        """By source partition the highest offset of which a copy was applied. Moves with each record, never ahead of the
        next offset: were it written with an earlier fence, a crash would drop copies that were not applied."""
        self.waiting: list[OutRecord] = []
        """Copies to be written before the fence moves, in the order of this partition."""

    def elsewhere(self, account_ids: Iterable[str]) -> dict[str, int]:
        """Of these accounts, those that belong to other partitions, and to which."""
        here, partitions = self._plan.partition, self._plan.partitions
        homes = ((account_id, murmur2_partition(account_id.encode(), partitions)) for account_id in account_ids)
        return {account_id: home for account_id, home in homes if home != here}

    def judge(self, item: Item, home: int | None) -> Fate:
        """What becomes of `item`, a record of an account; `home` is where that belongs, None: here.

        Raises:
            InvalidRecord: it can be neither applied nor forwarded.
        """
        if item.origin is not None:
            if home is not None:
                raise still_wrong(home, self._plan.partitions)
            return self._judge_copy(item.origin)
        if home is None:
            return Fate.OURS
        self.waiting.append(copy_of(item.record, self._plan.topic, self._plan.log_id, to=home))
        self._warning.forwarded(item)
        return Fate.FORWARDED

    def _judge_copy(self, origin: Forwarded) -> Fate:
        if origin.offset <= self.applied.get(origin.partition, -1):
            return Fate.DUPLICATE
        self.applied[origin.partition] = origin.offset
        return Fate.OURS
