"""What a runner holds between two fences: the fold of its partition, and the outputs that wait for the next commit.

The order of a commit, and what a crash in it repeats:

1. Copies of misrouted records and outputs (transitions, scores, copied ticks, dead letters) are produced and acknowledged.
   A crash before this repeats nothing outside: the fence still stands before the records.
   A crash after it produces the same outputs again, with the same ids; the alerter drops what it has seen,
   of two scores of one account the one of the higher offset is the newer, and a copy's partition drops the second one.
2. One script writes rows, due index, read model and, last, the fence; only if the fence is where we last saw it.
   A crash before or inside it: as above; rows half written carry their offset, so nothing touches them twice.
3. Kafka's committed offset follows. A crash before it costs nothing: after a restart the fence is what counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from kenko.dialects.record import InvalidRecord
from kenko.engine.partition import Outcome, PartitionFold
from kenko.engine.scorer import Scorer
from kenko.engine.source_hearing import SourceHearing
from kenko.runtime.clock import Clock
from kenko.runtime.crash import CrashPoint, crash_point
from kenko.runtime.errors import KenkoError
from kenko.store.port import MAX_ROWS_A_COMMIT, CommitOutcome, Fence, PartitionCommit, PartitionStore
from kenko.store.roles import Role
from kenko.stream.dead_letter import dead_letter_record
from kenko.stream.decode import Item, accounts, heard
from kenko.stream.observer import StreamObserver, observe
from kenko.stream.outputs import forget_copy, score_record, score_tombstone, tick_copy, transition_record
from kenko.stream.plan import RunnerPlan
from kenko.stream.producer import Output, OutRecord
from kenko.stream.snapshots import Keeper, NoSnapshots
from kenko.stream.strays import Fate, MisroutedWarning, Strays
from schemas.account_traits import AccountTraits
from schemas.base import to_ms
from schemas.forget import Forget
from schemas.override import Override
from schemas.source_state import SourceState
from schemas.tick import Tick
from schemas.usage_event import UsageEvent

MAX_WAITING_OUTPUTS: Final = 5000
"""Outputs held for one commit; a replay with many ticks a batch is cut here."""


class FenceMovedError(KenkoError):
    """The store refused a commit: drop the working set, read the fence, go on from there."""


class WorkingSet:
    """Applies decoded records in order and commits them. Everything in it is lost, and rebuilt, when a fence moves."""

    def __init__(  # noqa: PLR0913 - the ports it works with, by keyword
        self,
        *,
        plan: RunnerPlan,
        scorer: Scorer,
        store: PartitionStore,
        output: Output,
        observer: StreamObserver,
        clock: Clock,
        fence: Fence | None,
        forgotten: Collection[bytes],
        start_offset: int,
        misrouted: MisroutedWarning,
        silent_below: int = 0,
        role: Role = Role.LIVE,
        snapshots: Keeper | None = None,
    ) -> None:
        self._plan = plan
        self._role = role
        self.silent_below = silent_below
        """What records below this offset cause was told before, or is not to be told: only the state is made of them."""
        self._store = store
        self._snapshots = snapshots or NoSnapshots()
        self._output = output
        self._observer = observer
        self._clock = clock
        self._expected = None if fence is None else fence.offset
        self._committed_counts: Counter[str] = Counter({} if fence is None else fence.counts)
        self.fold = PartitionFold(
            scorer,
            partition=plan.partition,
            due_budget=plan.due_budget,
            now_ms=None if fence is None else fence.now_ms,
            counts=None if fence is None else dict(fence.counts),
            silent=None if fence is None else fence.silent,
            forgotten=forgotten,
        )
        # Ahead of the fence by what is in memory only: read again after a crash it says the same.
        self._hearing = SourceHearing(plan.rhythm, {} if fence is None else fence.heard)
        self._strays = Strays(plan, {} if fence is None else fence.forwarded, misrouted)
        self.next_offset = start_offset if fence is None else fence.offset
        """The next offset to apply; what lies between it and the fence is in memory only."""
        self._base = self.next_offset
        self.ticked = False
        """A tick was applied since the last commit."""
        self._waiting: list[OutRecord] = []
        self._not_applied: Counter[tuple[str, str]] = Counter()
        """Events since the last commit that changed nothing, by source and outcome."""
        # No later than the store's earliest due time; None = not asked since it may have changed. It saves a round
        # trip a tick while nothing is due.
        self._next_due_ms: int | None = None
        self._next_due_known = False
        self._has_read = False
        """Something was read from the store since the last commit."""

    @property
    def fence_offset(self) -> int | None:
        """The fence as this runner last saw it."""
        return self._expected

    @property
    def next_due_ms(self) -> int | None:
        """The earliest time at which an account is due, as far as known; 0 = at once."""
        return self._next_due_ms if self._next_due_known else 0

    @property
    def uncommitted(self) -> int:
        """Offsets applied since the last commit."""
        return self.next_offset - self._base

    async def apply(self, items: Sequence[Item], end: int) -> None:
        """Apply `items` in order; `end` is one past the last record of their batch.

        Raises:
            FenceMovedError: a commit on the way was refused.
        """
        await self.make_room(len(items))
        self._hear(items)
        found = accounts(items)
        # An account of the working set is at home here, so only the others need a look.
        away = self._strays.elsewhere(self.fold.missing(found))
        await self._load_with_ids([account_id for account_id in found if account_id not in away] if away else found)
        for position, item in enumerate(items):
            content = item.content
            if (away or item.origin is not None) and not self._is_ours(item, away):
                self.next_offset = item.offset + 1
            elif isinstance(content, UsageEvent):
                outcome = self.fold.apply(item.offset, content)
                if outcome is not Outcome.APPLIED:
                    self._not_applied[content.source, outcome.value] += 1
                self.next_offset = item.offset + 1
            elif isinstance(content, AccountTraits | Override):
                self.fold.amend(item.offset, content)
                self.next_offset = item.offset + 1
            elif isinstance(content, Forget):
                self._forget(content)
                self.next_offset = item.offset + 1
            elif isinstance(content, SourceState):
                self.fold.hear_of_source(content)
                self.next_offset = item.offset + 1
            elif isinstance(content, Tick):
                await self._tick(item, content)
                self.next_offset = item.offset + 1
                await self.make_room(len(items) - position - 1)
            else:
                self._refuse(item, content)
                self.next_offset = item.offset + 1
        self.next_offset = end

    async def make_room(self, rows: int) -> None:
        """Commit if `rows` more changed rows could pass the limit of a commit, or too many outputs wait."""
        full = self.fold.changed_count() + rows > MAX_ROWS_A_COMMIT
        if full or len(self._waiting) + len(self._strays.waiting) >= MAX_WAITING_OUTPUTS:
            await self.commit()

    async def commit(self) -> None:
        """Move the fence to `next_offset`.

        Raises:
            FenceMovedError: refused, nothing was written.
        """
        if not self.uncommitted:
            return
        # A crash here repeats all since the fence: nothing of it is outside yet.
        crash_point(CrashPoint.OUTPUTS_BEFORE)
        if self.next_offset > self.silent_below:
            await self._check_fence()
            # In order, though a try fails half-way: else the earlier of two transitions of an account could come after
            # the later one, and the alerter, which goes by their offsets, would drop it.
            await self._output.send_in_order([*self._strays.waiting, *self._waiting])
        # A crash here sends the same outputs again, with the same ids, and copies that their partitions drop.
        crash_point(CrashPoint.OUTPUTS_AFTER)
        if self.fold.counts["transitions"] > self._committed_counts["transitions"]:
            crash_point(CrashPoint.TRANSITION_PRODUCED)
        rows, erased = self.fold.drain(), self.fold.drain_erased()
        # A crash here writes the same snapshots again: of what stands in the store, and tombstones.
        await self._snapshots.before_commit(rows, erased)
        counts = Counter(self.fold.counts)
        fence = Fence(
            offset=self.next_offset,
            log_id=self._plan.log_id,
            now_ms=self.fold.now_ms,
            counts=dict(counts),
            silent=self.fold.silent,
            heard=self._hearing.known(),
            forwarded=self._strays.applied,
            snapshot_ms=self._snapshots.snapshot_ms,
        )
        crash_point(CrashPoint.COMMIT_BEFORE)
        outcome = await self._store.commit(PartitionCommit(self._expected, fence, rows, erased, self._role))
        if outcome is CommitOutcome.REFUSED:
            raise FenceMovedError(f"partition {self._plan.partition}: the fence is no longer at {self._expected}")
        # A crash here costs nothing: the fence says that all of it is done.
        crash_point(CrashPoint.COMMIT_AFTER)
        self._has_read = False
        self._waiting.clear()
        self._strays.waiting.clear()
        self._expected = self._base = fence.offset
        self.ticked = False
        self._follow_due([row.due_ms for row in rows])
        gained = counts - self._committed_counts
        self._committed_counts = counts
        self._observer.committed(self._plan.partition, gained, len(rows))
        for (source, what), events in self._not_applied.items():
            self._observer.not_applied(source, what, events)
        self._not_applied.clear()
        await self._snapshots.after_commit(fence)

    async def _check_fence(self) -> None:
        """Tell nothing that was made of what another owner wrote, or of a store that came back older.

        The fence refuses such rows only after the outputs are out. While it stands where we saw it last, what was read
        since belongs to it. (What is written from now on cannot change what was read.)
        """
        if not self._has_read or not self._waiting:
            return
        fence = await self._store.fence()
        if (None if fence is None else fence.offset) != self._expected:
            raise FenceMovedError(f"partition {self._plan.partition}: the fence is no longer at {self._expected}")

    def _hear(self, items: Sequence[Item]) -> None:
        """Before they are applied: a commit on the way must not move the fence past what is not noted."""
        for source, time_ms in heard(items, self._plan.rhythm.hour_ms):
            self._hearing.hear(source, time_ms)

    def trim(self) -> None:
        """Between batches, which keep the rows they need: forget those not used for long."""
        self.fold.evict(self._plan.max_rows)

    async def tidy(self) -> None:
        """After a commit: learn when the next account is due."""
        if not self._next_due_known:
            self._has_read = True
            self._next_due_ms = await self._store.next_due()
            self._next_due_known = True

    async def _tick(self, item: Item, tick: Tick) -> None:
        await self.make_room(self._plan.due_budget)
        if not self.fold.tick(item.offset, to_ms(tick.time), item.record.timestamp):
            return
        self.ticked = True
        begun = self._clock.monotonic()
        due = self.fold.select_due(await self._stored_due())
        await self._load(due, with_ids=False)
        for transition in self.fold.evaluate(due, item.offset):
            self._waiting.append(transition_record(transition, self._plan.transitions_topic))
            observe(self._observer, transition)
        scores = self.fold.take_scores()
        self._waiting += [score_record(update, self._plan.scores_topic) for update in scores]
        self._observer.scored(len(scores))
        if self._plan.copies_ticks:
            # After this tick's transitions: when the alerter's time arrives, what happened until then is there.
            self._waiting.append(
                tick_copy(tick, self._plan.transitions_topic, partition=self._plan.partition, offset=item.offset)
            )
        self._observer.evaluated(len(due), self._clock.monotonic() - begun)

    def _is_ours(self, item: Item, away: Mapping[str, int]) -> bool:
        """Whether it is to be applied here. What is not is counted, and a copy of it waits for the commit."""
        account_id = item.account_id
        if account_id is None:  # a tick, or what cannot be decoded: it concerns the partition it stands on
            return True
        try:
            fate = self._strays.judge(item, away.get(account_id))
        except InvalidRecord as refusal:
            self._refuse(item, refusal)
            return False
        if fate is Fate.OURS:
            return True
        self.fold.counts[fate.value] += 1
        return False

    def _forget(self, record: Forget) -> None:
        """Its outputs come behind all that was told of the account, and like all outputs before the commit.

        A crash between tells both topics again: a second tombstone, and an alerter with nothing left to forget.
        """
        self.fold.forget(record)
        self._waiting += [
            score_tombstone(record, self._plan.scores_topic, partition=self._plan.partition),
            forget_copy(record, self._plan.transitions_topic, partition=self._plan.partition),
        ]

    def _refuse(self, item: Item, refusal: InvalidRecord) -> None:
        """Into the dead letters, before the fence passes it. Nothing of a forgotten account goes there."""
        if item.record.key is not None and self.fold.is_forgotten(item.record.key.decode(errors="replace")):
            self.fold.counts[Outcome.FORGOTTEN.value] += 1
            return
        self.fold.counts[f"dead_lettered.{refusal.reason}"] += 1
        self._waiting.append(
            dead_letter_record(
                item.record,
                self._plan.dead_letters_topic,
                reason=refusal.dead_letter_reason,
                message=refusal.message,
                app=self._plan.app,
                source_topic=self._plan.topic,
            )
        )

    async def _load(self, account_ids: Iterable[str], *, with_ids: bool) -> None:
        missing = self.fold.missing(account_ids)
        if missing:
            self._has_read = True
            self.fold.adopt(await self._store.rows(missing, with_ids=with_ids))

    async def _load_with_ids(self, account_ids: Sequence[str]) -> None:
        """Accounts that records are applied to; such as were merely due so far get their ids now."""
        await self._load(account_ids, with_ids=True)
        lacking = self.fold.lacking_ids(account_ids)
        if lacking:
            self._has_read = True
            self.fold.adopt(await self._store.rows(lacking))

    async def _stored_due(self) -> list[tuple[int, str]]:
        now_ms = self.fold.now_ms
        if now_ms is None:
            return []
        if self._next_due_known and (self._next_due_ms is None or self._next_due_ms > now_ms):
            return []
        self._next_due_known = False  # what is due now is scored at this tick, so the next one comes later
        self._has_read = True
        return await self._store.due(now_ms, self._plan.due_budget + self.fold.changed_count())

    def _follow_due(self, written: Iterable[int | None]) -> None:
        known = [due for due in (self._next_due_ms, *written) if due is not None]
        self._next_due_ms = min(known, default=None)
