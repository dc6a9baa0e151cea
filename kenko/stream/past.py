"""What was told before this runner began: the group's committed offset follows the fence, and the fence the outputs."""

from __future__ import annotations

from typing import NamedTuple

from kenko.runtime.logging import get_logger
from kenko.store.port import Fence
from kenko.stream.log import PartitionLog
from kenko.stream.observer import StreamObserver
from kenko.stream.patience import Patience
from kenko.stream.plan import RunnerPlan

_log = get_logger(__name__)


class Past(NamedTuple):
    """A partition before its runner begins."""

    partition: int
    log_end: int
    """At least the end of the log at that time."""
    silent_below: int
    """Outputs of records below it were sent and acknowledged. 0 where nothing was ever committed: a first start."""

    def tell(self, fence: Fence | None, restored: int | None, observer: StreamObserver) -> None:
        """Count and log a rebuild; `fence` is where it begins, `restored` how many rows came from snapshots."""
        if restored is not None:
            kind = "snapshots"
        elif self.silent_below <= (0 if fence is None else fence.offset):
            return
        else:
            kind = "log" if fence is None else "older"
        observer.rebuilt(kind, restored or 0)
        _log.warning(
            "scorer.rebuilding",
            partition=self.partition,
            kind=kind,
            rows=restored or 0,
            from_offset=None if fence is None else fence.offset,
            silent_below=self.silent_below,
        )


async def look_back(plan: RunnerPlan, log: PartitionLog, patience: Patience) -> Past:
    """Ask the log.

    It stands still whatever becomes of the store, so a rebuild that is cut off goes on as silently: while the state is
    behind what was committed, the reader shows the committed offset, not the fence (`PartitionRunner.told_below`).
    """
    committed = await patience.outlast("kafka", log.committed_offset)
    end = await patience.outlast("kafka", lambda: log.end_offset(committed or 0))
    # An offset beyond the end was committed for another log of this name: of this one nothing was told.
    silent_below = 0 if committed is None or committed > end else committed
    return Past(plan.partition, end, silent_below)
