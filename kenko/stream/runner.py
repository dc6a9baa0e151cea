"""PartitionRunner: the one task that applies a partition's records, in order, from the fence on.

The agent hands batches over and goes on; a full runner holds its own partition back and delays no other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from kenko.engine.scorer import Scorer
from kenko.runtime.clock import Clock
from kenko.runtime.errors import ConfigurationError
from kenko.runtime.logging import get_logger
from kenko.store.keys import BEING_DROPPED
from kenko.store.port import Fence, PartitionStore
from kenko.store.roles import Role
from kenko.stream.batches import Batch
from kenko.stream.continuity import Continuity, judge
from kenko.stream.decode import decode
from kenko.stream.log import PartitionLog
from kenko.stream.observer import StreamObserver
from kenko.stream.past import look_back
from kenko.stream.patience import Patience, PatientOutput, PatientStore
from kenko.stream.plan import RunnerPlan
from kenko.stream.producer import Output
from kenko.stream.seat import AlwaysLive, Seat
from kenko.stream.snapshots import Keeper, NoSnapshots
from kenko.stream.strays import MisroutedWarning
from kenko.stream.working_set import FenceMovedError, WorkingSet

BEYOND_EVERY_LOG: Final = 1 << 62
"""Asked for an end at least there, a log answers exactly."""
SEEK_AGAIN_S: Final = 10.0
"""A gap that lasts this long after a seek back is answered with another one."""

Done = Callable[[], object]
"""Told when a batch is committed, or will never be."""
Failed = Callable[[int, Exception], None]
"""Told (partition, error) when a runner cannot go on; the process has to exit and be started again."""

_log = get_logger(__name__)


class PartitionRunner:
    """Reads the fence, seeks there, and applies what follows. Owns its partition's working set."""

    def __init__(  # noqa: PLR0913 - the ports it works with, by keyword
        self,
        *,
        plan: RunnerPlan,
        scorer: Scorer,
        store: PartitionStore,
        output: Output,
        log: PartitionLog,
        observer: StreamObserver,
        clock: Clock,
        patience: Patience,
        failed: Failed,
        seat: Seat | None = None,
        snapshots: Keeper | None = None,
    ) -> None:
        """`seat`: where another model may be live, or this one is a shadow; None: nobody else is there.
        `snapshots`: what keeps the rows beside the store while this model is the live one.
        """
        self._seat: Seat = AlwaysLive() if seat is None else seat
        self._plan = plan
        self._scorer = scorer
        self._store = PatientStore(store, patience)
        self._output = PatientOutput(output, patience)
        self._log = log
        self._observer = observer
        self._clock = clock
        self._patience = patience
        self._failed = failed
        self._keeper: Keeper = snapshots or NoSnapshots()
        self._snapshots: Keeper = NoSnapshots()
        self._misrouted = MisroutedWarning(plan.partition, clock)
        self._work: WorkingSet | None = None
        self._queue: deque[tuple[Batch, Done]] = deque()
        self._done: list[Done] = []
        self._wake = asyncio.Event()
        self._held = False
        self._stopping = False
        self._sought_at: float | None = None
        self._arrived = False
        self._task: asyncio.Task[None] | None = None
        self.positioned = asyncio.Event()
        """Set while the fence is known and the log stands there."""

    @property
    def fence_offset(self) -> int | None:
        """The fence as last seen here."""
        return self._work.fence_offset if self._work else None

    @property
    def told_below(self) -> int | None:
        """All outputs of records below it are sent. Above the fence while an older state is made new silently."""
        fence = self.fence_offset
        if self._work is None or fence is None or self._seat.role is Role.SHADOW:  # a shadow never tells
            return fence
        return max(fence, self._work.silent_below)

    @property
    def next_offset(self) -> int | None:
        """The next offset to apply; None while the fence is not known."""
        return self._work.next_offset if self._work else None

    @property
    def next_due_ms(self) -> int | None:
        """The earliest time at which an account of the partition is due; None: none is, or not known yet."""
        return self._work.next_due_ms if self._work else None

    def take_arrived(self) -> bool:
        """Whether a record other than a tick was applied since this was last asked."""
        arrived, self._arrived = self._arrived, False
        return arrived

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"runner-{self._plan.partition}")

    async def stop(self, limit_s: float) -> None:
        """Commit what is applied and end; after `limit_s` seconds end without. What is not committed is repeated."""
        self._stopping = True
        self._seat.stop()
        self._wake.set()
        if self._task is None:
            return
        if not self.positioned.is_set():  # nothing in hand yet
            self._task.cancel()
        _, late = await asyncio.wait({self._task}, timeout=limit_s)
        if late:
            _log.warning("scorer.runner_cut_off", partition=self._plan.partition, limit_s=limit_s)
            self._task.cancel()
            await asyncio.wait({self._task})

    def deliver(self, batch: Batch, done: Done) -> None:
        """Take a batch over. Never blocks; a full queue holds the partition back instead."""
        self._queue.append((batch, done))
        self._wake.set()
        if not self._held and len(self._queue) >= self._plan.queue_high:
            self._hold_back()

    async def seek_again(self) -> None:
        """The log's position was lost: read on from the next offset to apply."""
        if self._work is not None:
            await self._log.seek(self._work.next_offset)

    async def _run(self) -> None:
        try:
            await self._begin()
            while not self._stopping:
                try:
                    await self._step()
                except FenceMovedError as moved:
                    self._observer.refused(self._plan.partition)
                    _log.warning("scorer.commit_refused", partition=self._plan.partition, reason=str(moved))
                    await self._begin()
            await self._finish()
        except Exception as error:  # noqa: BLE001 - handed to whoever ends the process; it is logged there
            self._failed(self._plan.partition, error)
        finally:
            self._snapshots.drop()

    async def _begin(self) -> None:
        """Read the fence and stand there: at the start, and whenever it turned out to be elsewhere."""
        self.positioned.clear()
        self._hold_back()
        self._work = None  # the working set may hold what another runner has long passed
        self._release_all()
        self._snapshots.drop()
        await self._seat.take()
        # Rows of a model that is not live yet are not what was told, and one that builds takes them from the live one.
        self._snapshots = self._keeper if self._seat.role is Role.LIVE else NoSnapshots()
        past = await look_back(self._plan, self._log, self._patience)
        fence = await self._store.fence()
        restored = None
        if fence is None:
            end = await self._patience.outlast("kafka", lambda: self._log.end_offset(BEYOND_EVERY_LOG))
            restored = await self._snapshots.restore(self._plan.log_id, end)
            fence = await self._store.fence()  # also if somebody else has put it there meanwhile
        forgotten = await self._store.forgotten()
        start_offset = await self._check(fence)
        if self._seat.role is Role.LIVE:
            past.tell(fence, restored, self._observer)
        work = WorkingSet(
            plan=self._plan,
            scorer=self._scorer,
            store=self._store,
            output=self._output,
            observer=self._observer,
            clock=self._clock,
            fence=fence,
            forgotten=forgotten,
            start_offset=start_offset,
            misrouted=self._misrouted,
            silent_below=max(past.silent_below, self._seat.silent_below),
            role=self._seat.role,
            snapshots=self._snapshots,
        )
        await self._snapshots.begin(fence, past.log_end)
        await work.tidy()
        self._work = work
        await self._patience.outlast("kafka", lambda: self._log.seek(work.next_offset))
        self._sought_at = None
        self._let_go()
        self.positioned.set()
        _log.info("scorer.positioned", partition=self._plan.partition, offset=work.next_offset, fresh=fence is None)

    async def _check(self, fence: Fence | None) -> int:
        """The offset to start from.

        Raises:
            ConfigurationError: the fence belongs to another log, or to a longer one.
        """
        outlast = self._patience.outlast
        if fence is None:  # nothing was ever applied, or the store was emptied: everything the log still holds
            return await outlast("kafka", self._log.start_offset)
        if fence.log_id != self._plan.log_id:
            raise ConfigurationError(wrong_log(self._plan, fence, "another log"))
        end = await outlast("kafka", lambda: self._log.end_offset(fence.offset))
        if end < fence.offset:
            raise ConfigurationError(wrong_log(self._plan, fence, f"a longer log (this one ends at {end})"))
        return fence.offset

    async def _step(self) -> None:
        """Work one batch off, or commit when none came for a while."""
        work = self._work
        assert work is not None  # noqa: S101 - _begin sets it
        if self._seat.is_due(work.next_offset):
            await self._commit(work)
            await self._seat.cut_over()
            await self._begin()
            return
        if not self._queue:
            await self._wait(work)
            return
        batch, done = self._queue.popleft()
        self._done.append(done)
        if self._held and len(self._queue) <= self._plan.queue_low:
            self._let_go()
        if not await self._seat.reached(batch.end):
            return
        await self._take(work, batch)
        if (work.ticked and not self._queue) or work.uncommitted >= self._plan.commit_every:
            await self._commit(work)
        # With or without a commit: where ticks come faster than they are worked off, the queue is never empty.
        work.trim()
        if batch.highwater is not None:
            self._observer.lag(self._plan.partition, max(0, batch.highwater - work.next_offset))
        await asyncio.sleep(0)  # the others' turn

    async def _take(self, work: WorkingSet, batch: Batch) -> None:
        continuity, hole = judge(batch, work.next_offset)
        if continuity is Continuity.GAP:
            await self._seek_back(work, batch)
            return
        self._sought_at = None
        if continuity is Continuity.SHORTER_LOG:
            await self._check_shorter(work)
        if continuity is not Continuity.FOLLOWS:
            return
        items = decode(batch.records, work.next_offset, log_id=self._plan.log_id, partitions=self._plan.partitions)
        if hole:
            _log.info("scorer.offsets_missing", partition=self._plan.partition, at=work.next_offset, offsets=hole)
        if missing := batch.end - work.next_offset - len(items):  # the hole before it, and those inside
            self._observer.hole(self._plan.partition, missing)
        if work.next_offset < work.silent_below < batch.end:  # a commit tells all of what it holds, or nothing
            silent = [item for item in items if item.offset < work.silent_below]
            items = items[len(silent) :]
            await work.apply(silent, work.silent_below)
            await work.commit()
            if self._seat.is_due(work.next_offset):  # what is left of the batch is read again after the cut-over
                return
        await work.apply(items, batch.end)
        self._arrived = self._arrived or any(item.is_not_tick for item in items)

    async def _seek_back(self, work: WorkingSet, batch: Batch) -> None:
        """Records between were fetched but did not come here. Batches that come before the re-read are gaps too."""
        now_s = self._clock.monotonic()
        if self._sought_at is not None and now_s - self._sought_at < SEEK_AGAIN_S:
            return
        self._sought_at = now_s
        self._observer.gap(self._plan.partition)
        _log.info("scorer.sought_back", partition=self._plan.partition, to=work.next_offset, got=batch.first)
        await self._patience.outlast("kafka", lambda: self._log.seek(work.next_offset))

    async def _check_shorter(self, work: WorkingSet) -> None:
        next_offset = work.next_offset
        end = await self._patience.outlast("kafka", lambda: self._log.end_offset(next_offset))
        if end < next_offset:
            fence = Fence(offset=next_offset, log_id=self._plan.log_id)
            raise ConfigurationError(wrong_log(self._plan, fence, f"a longer log (this one ends at {end})"))

    async def _wait(self, work: WorkingSet) -> None:
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), self._plan.idle_commit_s)
        except TimeoutError:
            await self._commit(work)
            await self._look(work)

    async def _look(self, work: WorkingSet) -> None:
        """Nothing comes that a commit could refuse: is the store still the one we know?"""
        fence = await self._store.fence()
        found = None if fence is None else fence.offset
        if found != work.fence_offset:
            raise FenceMovedError(f"partition {self._plan.partition}: the fence is at {found}, not {work.fence_offset}")

    async def _commit(self, work: WorkingSet) -> None:
        await work.commit()
        await work.tidy()
        for done in self._done:
            done()
        self._done.clear()

    async def _finish(self) -> None:
        """Stopping: commit what is applied, so that the next owner need not repeat it."""
        if self._work is None:
            return
        try:
            await self._work.commit()
        except FenceMovedError:
            _log.info("scorer.last_commit_refused", partition=self._plan.partition)

    def _release_all(self) -> None:
        """Give the batches in hand back: they are below the fence, or will be read again."""
        for done in (*self._done, *(done for _, done in self._queue)):
            done()
        self._done.clear()
        self._queue.clear()

    def _hold_back(self) -> None:
        self._held = True
        self._log.hold_back()

    def _let_go(self) -> None:
        self._held = False
        self._log.let_go()


def wrong_log(plan: RunnerPlan, fence: Fence, found: str) -> str:
    """What to tell the person who has to decide."""
    drop = f"kenko state drop --partitions {plan.partitions} --yes"
    if fence.log_id == BEING_DROPPED:
        return f"Partition {plan.partition}: its state in Redis is half dropped. Finish it with: {drop}"
    return (
        f"Partition {plan.partition} of {plan.topic}: Redis holds state made from {found}:"
        f" it stands at offset {fence.offset} of {fence.log_id}, and this broker's log is {plan.log_id}.\n"
        "If KENKO_KAFKA_URL or KENKO_REDIS_URL points to the wrong place, mend it. If the topic was made anew, its"
        f" state has to be made anew too: stop all scorers, run\n  {drop}\nand start them again, or set another"
        " KENKO_REDIS_PREFIX."
    )
