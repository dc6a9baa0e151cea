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
from kenko.runtime.errors import KenkoError
from kenko.store.port import MAX_ROWS_A_COMMIT, CommitOutcome, Fence, PartitionCommit, PartitionStore
from kenko.stream.dead_letter import dead_letter_record
from kenko.stream.decode import Item, accounts, heard
from kenko.stream.observer import StreamObserver
from kenko.stream.outputs import forget_copy, score_record, score_tombstone, tick_copy, transition_record
from kenko.stream.plan import RunnerPlan
from kenko.stream.producer import Output, OutRecord
from kenko.stream.strays import Fate, MisroutedWarning, Strays
from schemas.account_traits import AccountTraits
from schemas.base import to_ms
from schemas.forget import Forget
from schemas.override import Override
from schemas.source_state import SourceState
from schemas.tick import Tick
from schemas.transition import Transition
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
    ) -> None:
        self._plan = plan
        self._store = store
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
        # No later than the store's earliest due time; None = not asked since it may have changed. It saves a round
        # trip a tick while nothing is due.
        self._next_due_ms: int | None = None
        self._next_due_known = False

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
        await self._load([account_id for account_id in found if account_id not in away] if away else found)
        for position, item in enumerate(items):
            content = item.content
            if (away or item.origin is not None) and not self._is_ours(item, away):
                self.next_offset = item.offset + 1
            elif isinstance(content, UsageEvent):
                self.fold.apply(item.offset, content)
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
        await self._output.send_in_order(self._strays.waiting)
        # A crash here writes the same copies again, and the partitions they go to drop them.
        await self._output.send(self._waiting)
        # A crash here sends the same outputs again, with the same ids.
        rows, erased = self.fold.drain(), self.fold.drain_erased()
        counts = Counter(self.fold.counts)
        fence = Fence(
            offset=self.next_offset,
            log_id=self._plan.log_id,
            now_ms=self.fold.now_ms,
            counts=dict(counts),
            silent=self.fold.silent,
            heard=self._hearing.known(),
            forwarded=self._strays.applied,
        )
        outcome = await self._store.commit(PartitionCommit(self._expected, fence, rows, erased))
        if outcome is CommitOutcome.REFUSED:
            raise FenceMovedError(f"partition {self._plan.partition}: the fence is no longer at {self._expected}")
        # A crash here costs nothing: the fence says that all of it is done.
        self._waiting.clear()
        self._strays.waiting.clear()
        self._expected = self._base = fence.offset
        self.ticked = False
        self._follow_due([row.due_ms for row in rows])
        gained = counts - self._committed_counts
        self._committed_counts = counts
        self._observer.committed(self._plan.partition, gained, len(rows))

    def _hear(self, items: Sequence[Item]) -> None:
        """Before they are applied: a commit on the way must not move the fence past what is not noted."""
        for source, time_ms in heard(items, self._plan.rhythm.hour_ms):
            self._hearing.hear(source, time_ms)

    async def tidy(self) -> None:
        """Between batches: forget rows not used for long, and learn when the next account is due."""
        self.fold.evict(self._plan.max_rows)
        if not self._next_due_known:
            self._next_due_ms = await self._store.next_due()
            self._next_due_known = True

    async def _tick(self, item: Item, tick: Tick) -> None:
        await self.make_room(self._plan.due_budget)
        if not self.fold.tick(item.offset, to_ms(tick.time), item.record.timestamp):
            return
        self.ticked = True
        begun = self._clock.monotonic()
        due = self.fold.select_due(await self._stored_due())
        await self._load(due)
        for transition in self.fold.evaluate(due, item.offset):
            self._waiting.append(transition_record(transition, self._plan.transitions_topic))
            self._observe(transition)
        scores = self.fold.take_scores()
        self._waiting += [score_record(update, self._plan.scores_topic) for update in scores]
        self._observer.scored(len(scores))
        if self._plan.copies_ticks:
            # After this tick's transitions: when the alerter's time arrives, what happened until then is there.
            self._waiting.append(
                tick_copy(tick, self._plan.transitions_topic, partition=self._plan.partition, offset=item.offset)
            )
        self._observer.evaluated(len(due), self._clock.monotonic() - begun)

    def _observe(self, transition: Transition) -> None:
        if transition.is_of_zone:
            self._observer.moved("none" if transition.to_zone is None else transition.to_zone.value)
        else:
            self._observer.ruled(transition.kind.value, holds=transition.holds)

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

    async def _load(self, account_ids: Iterable[str]) -> None:
        missing = self.fold.missing(account_ids)
        if missing:
            self.fold.adopt(await self._store.rows(missing))

    async def _stored_due(self) -> list[tuple[int, str]]:
        now_ms = self.fold.now_ms
        if now_ms is None:
            return []
        if self._next_due_known and (self._next_due_ms is None or self._next_due_ms > now_ms):
            return []
        self._next_due_known = False  # what is due now is scored at this tick, so the next one comes later
        return await self._store.due(now_ms, self._plan.due_budget + self.fold.changed_count())

    def _follow_due(self, written: Iterable[int | None]) -> None:
        known = [due for due in (self._next_due_ms, *written) if due is not None]
        self._next_due_ms = min(known, default=None)
