"""Snapshots: puts the rows of a partition aside, and fills an emptied store from them. What the runner calls.

A walk over all accounts begins when the newest whole set is older than `every_ms`, and the partition has caught up with
what the log held when the runner began: until then a row may be ahead of the fence, from a commit that was cut off, and the
set would not be of one moment. Wall time, not log time: a year of history replays in minutes, and needs one set.

A walk in hand is given up when the runner begins again or ends, and begins anew: the set before it is still whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kenko.engine.rows import RowChange
from kenko.engine.scorer import Scorer
from kenko.model.limits import HOUR_MS
from kenko.runtime.clock import Clock
from kenko.runtime.errors import PermanentError
from kenko.runtime.logging import get_logger
from kenko.store.port import Fence, PartitionStore
from kenko.store.rebuild_port import RebuildStore
from kenko.stream.observer import StreamObserver
from kenko.stream.patience import Patience, PatientStore
from kenko.stream.producer import Output
from kenko.stream.state_records import StateTopic
from kenko.stream.state_restore import StateRestore
from kenko.stream.state_topic import StateSource
from kenko.stream.state_walk import StateWalk, WalkPlan, WalkVoidError

_log = get_logger(__name__)


class Keeper(Protocol):
    """What keeps a partition's rows beside the store. Called by its runner only, one call at a time."""

    snapshot_ms: int | None
    """Wall time at which the newest whole set was begun: to be kept with the fence."""

    async def restore(self, log_id: str, log_end: int) -> int | None:
        """Fill the empty store, up to a fence. How many rows; None: nothing was done."""

    async def begin(self, fence: Fence | None, log_end: int) -> None:
        """The runner stands at `fence`, and the log ends at `log_end`."""

    async def before_commit(self, rows: Sequence[RowChange], erased: Mapping[str, bytes]) -> None:
        """These rows are about to be replaced, these accounts to be erased."""

    async def after_commit(self, fence: Fence) -> None:
        """The commit was applied."""

    def drop(self) -> None:
        """The runner stands there no longer. May be called twice."""


class NoSnapshots:
    """Keeps nothing: an emptied store is rebuilt from the log."""

    snapshot_ms: int | None = None

    async def restore(self, log_id: str, log_end: int) -> int | None:  # noqa: ARG002 - the port's shape
        return None

    async def begin(self, fence: Fence | None, log_end: int) -> None: ...

    async def before_commit(self, rows: Sequence[RowChange], erased: Mapping[str, bytes]) -> None: ...

    async def after_commit(self, fence: Fence) -> None: ...

    def drop(self) -> None: ...


@dataclass(frozen=True)
class SnapshotPlan:
    """How often, and how fast."""

    every_ms: int = 6 * HOUR_MS
    """Between the beginnings of two sets. What comes after the newest one is read from the log again."""
    again_ms: int = HOUR_MS
    """After a set that came to nothing."""
    patience_s: float = 5.0
    """Seconds for which a commit waits for a set; then the set is given up."""
    walk: WalkPlan = field(default_factory=WalkPlan)


class Snapshots:
    """A `Keeper` over the state topic."""

    def __init__(  # noqa: PLR0913 - the ports it works with, by keyword
        self,
        *,
        plan: SnapshotPlan,
        topic: StateTopic,
        scorer: Scorer,
        store: PartitionStore,
        accounts: RebuildStore,
        output: Output,
        source: StateSource,
        observer: StreamObserver,
        clock: Clock,
        patience: Patience,
        background: Patience,
    ) -> None:
        """`background`: for what no runner waits for; it must not look as if the runner were waiting."""
        self._plan = plan
        self._topic = topic
        self._scorer = scorer
        self._store = store
        self._accounts = accounts
        self._output = output
        self._source = source
        self._observer = observer
        self._clock = clock
        self._patience = patience
        self._background = background
        self._walk: StateWalk | None = None
        self._not_before_ms = 0
        self._caught_up_at = 0
        self._epoch = ""
        self._first_ms = clock.now_ms()
        self._began_ms = 0
        self.snapshot_ms: int | None = None

    async def restore(self, log_id: str, log_end: int) -> int | None:
        self._patience.waiting += 1  # it takes longer than the watchdog allows, and ends by itself
        try:
            return await self._restored(log_id, log_end)
        finally:
            self._patience.waiting -= 1

    async def _restored(self, log_id: str, log_end: int) -> int | None:
        return await StateRestore(
            topic=self._topic,
            scorer=self._scorer,
            source=self._source,
            store=PatientStore(self._store, self._patience),
            accounts=self._accounts,
            patience=self._patience,
        ).run(log_id, log_end)

    async def begin(self, fence: Fence | None, log_end: int) -> None:
        self.drop()
        self.snapshot_ms = None if fence is None else fence.snapshot_ms
        self._caught_up_at = log_end
        self._not_before_ms = 0
        self._epoch = (await self._patience.outlast("redis", self._accounts.pulse)).epoch

    async def before_commit(self, rows: Sequence[RowChange], erased: Mapping[str, bytes]) -> None:
        if erased:
            tombstones = [record for account_id in erased for record in self._topic.tombstones(account_id)]
            if self._walk is not None:
                await self._walk.erase(erased.keys(), tombstones)
            else:
                await self._patience.outlast("kafka", lambda: self._output.send(tombstones))
        if self._walk is not None:
            await self._unless_late(self._walk.keep(rows))

    async def after_commit(self, fence: Fence) -> None:
        now_ms = self._clock.now_ms()
        if self._walk is not None:
            if self._walk.is_through:
                await self._finish(self._walk)
        elif fence.offset >= self._caught_up_at and self._is_time(now_ms):
            await self._start(fence, now_ms)
        since_ms = self._first_ms if self.snapshot_ms is None else self.snapshot_ms
        self._observer.snapshot_age(self._topic.partition, max(0, now_ms - since_ms) / 1000)

    def drop(self) -> None:
        if self._walk is not None:
            self._walk.cancel()
            self._walk = None

    def _is_time(self, now_ms: int) -> bool:
        if now_ms < self._not_before_ms:
            return False
        # A set from the future is of a clock that was wrong: it must not put off the next one.
        return self.snapshot_ms is None or not 0 <= now_ms - self.snapshot_ms < self._plan.every_ms

    async def _start(self, fence: Fence, now_ms: int) -> None:
        """In the step of the commit that put the fence there: no other commit of ours comes between."""
        rows = await self._patience.outlast("redis", self._accounts.size)
        self._not_before_ms = now_ms + self._plan.again_ms
        self._began_ms = now_ms
        self._walk = StateWalk(
            plan=self._plan.walk,
            topic=self._topic,
            fence=fence,
            epoch=self._epoch,
            rows=rows,
            began_ms=now_ms,
            store=PatientStore(self._store, self._background),
            accounts=self._accounts,
            output=self._output,
            patience=self._background,
            observer=self._observer,
        )

    async def _finish(self, walk: StateWalk) -> None:
        """The commit that was just applied says that no other runner has committed since the walk began."""
        if await self._unless_late(walk.finish()):
            self.snapshot_ms = self._began_ms
            self._observer.snapshot_set("whole")
            _log.info("scorer.snapshots_whole", partition=self._topic.partition)
            self._walk = None

    async def _unless_late(self, step: Awaitable[None]) -> bool:
        """Whether it was done. What goes wrong with snapshots costs the set, never a commit."""
        partition = self._topic.partition
        try:
            async with asyncio.timeout(self._plan.patience_s):
                await step
        except (WalkVoidError, TimeoutError) as error:
            _log.warning("scorer.snapshots_void", partition=partition, reason=str(error) or "it would hold up a commit")
            self._observer.snapshot_set("void")
        except PermanentError as error:
            _log.error("scorer.snapshots_refused", partition=partition, error=str(error), reason=error.reason)
            self._observer.snapshot_set("refused")
        else:
            return True
        self.drop()
        return False
