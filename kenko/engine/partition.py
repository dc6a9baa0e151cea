"""PartitionFold: the fold of one partition. Pure: the caller loads rows, passes them in, and writes what comes out.

Wherever the caller cuts the log into batches and commits, rows, transitions and ids come out the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from heapq import nsmallest

from kenko.engine.causes import main_cause
from kenko.engine.evaluation import Evaluation
from kenko.engine.identity import event_digest, transition_id
from kenko.engine.recent_ids import NO_TIME, RecentIds, expired_through
from kenko.engine.rows import Row, RowChange
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState
from kenko.model.hashes import with_due_budget
from kenko.model.limits import DUE_BUDGET, MINUTE_MS
from schemas.base import from_ms, to_ms
from schemas.transition import Transition
from schemas.usage_event import UsageEvent

TICK_AHEAD_MS = 15 * MINUTE_MS
"""A tick further ahead of its own Kafka timestamp than this is ignored."""

ZONE_RULE = "zone"
"""Name of the rule whose transitions say that a zone changed."""


class Outcome(StrEnum):
    """What became of a usage event. Also the name it is counted under."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    """Its (source, id) was applied before."""
    TOO_LATE = "too_late"
    """Older than the horizon."""
    ALREADY = "already"
    """At or below the row's offset: a commit that did not complete had written the row."""


_NAMES = {outcome: outcome.value for outcome in Outcome}
"""Plain text, for the counts are stored; and several times faster than to ask the enum at each event."""


class _Account:
    """An account in the working set."""

    __slots__ = ("chunks", "ids", "is_dirty", "state", "used")

    def __init__(self, state: AccountState | None, chunks: Sequence[bytes]) -> None:
        self.state = state
        """None: no such account yet."""
        self.chunks = chunks
        self.ids: RecentIds | None = None
        """Read from the chunks at the first event: an account that is merely due does not need them."""
        self.is_dirty = False
        self.used = 0


class PartitionFold:
    """Applies the records of one partition, in order, to the rows that were adopted."""

    def __init__(
        self,
        scorer: Scorer,
        *,
        partition: int,
        due_budget: int = DUE_BUDGET,
        now_ms: int | None = None,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        """`now_ms` and `counts` are those kept with the fence; both None for a partition without one."""
        self.scorer = scorer
        self.partition = partition
        self.due_budget = due_budget
        self.now_ms = now_ms
        """Newest tick. Never goes backwards; None before the first."""
        self.counts: Counter[str] = Counter(counts or {})
        """Running totals: by outcome, and ticks, ticks_ignored, evaluated, transitions, ignored_values."""
        self._committed_ms = now_ms
        self._score_hash = with_due_budget(scorer.model.score_hash, due_budget)
        self._accounts: dict[str, _Account] = {}
        self._dirty: dict[str, _Account] = {}
        self._uses = 0

    def missing(self, account_ids: Iterable[str]) -> list[str]:
        """Those that are not in the working set, each once: load and adopt them."""
        return [account_id for account_id in dict.fromkeys(account_ids) if account_id not in self._accounts]

    def adopt(self, rows: Mapping[str, Row | None]) -> None:
        """Take rows into the working set; None: no such account yet. One that is there already stays as it is."""
        for account_id, row in rows.items():
            if account_id not in self._accounts:
                state = None if row is None else self.scorer.decode(account_id, row.state)
                account = self._accounts[account_id] = _Account(state, () if row is None else row.ids)
                self._use(account)

    def apply(self, offset: int, event: UsageEvent) -> Outcome:
        """Apply one event to its adopted account. Raises KeyError if the account was not adopted."""
        outcome = self._apply(offset, event)
        self.counts[_NAMES[outcome]] += 1
        return outcome

    def _apply(self, offset: int, event: UsageEvent) -> Outcome:
        account = self._accounts[event.account_id]
        time_ms = to_ms(event.time)
        now_ms = self.now_ms
        if now_ms is not None and time_ms < now_ms - self.scorer.horizon_ms:
            return Outcome.TOO_LATE
        state = account.state
        if state is not None and offset <= state.offset:
            self._mark(account, state)
            return Outcome.ALREADY
        ids = account.ids
        if ids is None:
            row_offset = -1 if state is None else state.offset
            ids = account.ids = RecentIds(account.chunks, row_offset=row_offset)
            account.chunks = ()
        digest = event_digest(event.source, event.id)
        if not ids.add(digest, offset, NO_TIME if now_ms is None else now_ms):
            return Outcome.DUPLICATE
        if state is None:
            state = account.state = self.scorer.new(event.account_id)
        ignored = self.scorer.apply(state, event, time_ms, digest)
        if ignored:
            self.counts["ignored_values"] += ignored
        state.offset = offset
        self._mark(account, state)
        return Outcome.APPLIED

    def tick(self, offset: int, time_ms: int, timestamp_ms: int | None) -> bool:  # noqa: ARG002 - a record has an offset
        """Take time forward. False: ignored and counted, for it is far ahead of its own Kafka timestamp.

        An older tick leaves the time as it is and still causes an evaluation. `timestamp_ms` None skips the check.
        """
        if timestamp_ms is not None and time_ms > timestamp_ms + TICK_AHEAD_MS:
            self.counts["ticks_ignored"] += 1
            return False
        self.counts["ticks"] += 1
        self.now_ms = time_ms if self.now_ms is None else max(self.now_ms, time_ms)
        return True

    def select_due(self, stored_due: Sequence[tuple[int, str]]) -> list[str]:
        """The accounts to evaluate at this tick, most overdue first: at most the due budget.

        `stored_due`: of the store's due index, as of the last drain, the first (due budget + `changed_count()`) entries
        that are due now, in order. What has changed since then is overlaid; a touched account is due at 0.
        """
        now_ms = self._now()
        due = [(due_ms, id_) for due_ms, id_ in stored_due if due_ms <= now_ms and id_ not in self._dirty]
        for account_id, account in self._dirty.items():
            due_ms = _due_ms(account.state)
            if due_ms is not None and due_ms <= now_ms:
                due.append((due_ms, account_id))
        due.sort(key=lambda entry: (entry[0], entry[1].encode()))
        return [account_id for _, account_id in due[: self.due_budget]]

    def evaluate(self, account_ids: Sequence[str], tick_offset: int) -> list[Transition]:
        """Score these adopted accounts at the tick. Answers the changes of zone, in the order of the accounts.

        Passed over: an account that does not exist, one whose row stands at this tick or after it (a commit that did
        not complete wrote it; it is handed out again so that its due time is written), and one that is not due.
        """
        now_ms = self._now()
        transitions: list[Transition] = []
        for account_id in account_ids:
            account = self._accounts[account_id]
            state = account.state
            if state is None:
                continue
            self._mark(account, state)
            due_ms = _due_ms(state)
            if state.offset >= tick_offset or due_ms is None or due_ms > now_ms:
                continue
            evaluation = self.scorer.evaluate(state, now_ms)
            state.offset = tick_offset
            self.counts["evaluated"] += 1
            if evaluation is not None:
                transitions.append(self._transition(state, evaluation, tick_offset, now_ms))
        self.counts["transitions"] += len(transitions)
        return transitions

    def changed_count(self) -> int:
        """How many accounts the next drain hands out."""
        return len(self._dirty)

    def drain(self) -> list[RowChange]:
        """What a commit must write since the last drain. Marks all clean: a commit that fails means a new fold."""
        committed_ms = NO_TIME if self._committed_ms is None else self._committed_ms
        changes = [_row_change(self.scorer, account, committed_ms) for account in self._dirty.values()]
        for account in self._dirty.values():
            account.is_dirty = False
        self._dirty = {}
        self._committed_ms = self.now_ms
        return [change for change in changes if change is not None]

    def evict(self, max_rows: int) -> None:
        """Drop the least recently used rows until `max_rows` are left. What a commit must still write stays."""
        excess = len(self._accounts) - max_rows
        if excess <= 0:
            return
        clean = ((account.used, id_) for id_, account in self._accounts.items() if not account.is_dirty)
        for _, account_id in nsmallest(excess, clean):
            del self._accounts[account_id]

    def _now(self) -> int:
        if self.now_ms is None:
            raise ValueError("nothing can be due before the first tick")
        return self.now_ms

    def _use(self, account: _Account) -> None:
        self._uses += 1
        account.used = self._uses

    def _mark(self, account: _Account, state: AccountState) -> None:
        """The next commit writes this account."""
        if not account.is_dirty:
            account.is_dirty = True
            self._dirty[state.account_id] = account
            self._use(account)

    def _transition(self, state: AccountState, evaluation: Evaluation, offset: int, now_ms: int) -> Transition:
        before, after = evaluation.zone_before, evaluation.zone
        return Transition(
            id=transition_id(state.account_id, ZONE_RULE, self._score_hash, self.partition, offset),
            account_id=state.account_id,
            rule=ZONE_RULE,
            model=self.scorer.model.name,
            score_hash=self._score_hash,
            from_zone=before,
            to_zone=after,
            time=from_ms(now_ms),
            partition=self.partition,
            offset=offset,
            cause=main_cause(evaluation.step, before, after, touched=evaluation.touched),
            receipt=self.scorer.receipt(state, evaluation, now_ms),
        )


def _due_ms(state: AccountState | None) -> int | None:
    """When the account has to be evaluated: at once while touched."""
    if state is None:
        return None
    return 0 if state.touched else state.due_ms


def _row_change(scorer: Scorer, account: _Account, committed_ms: int) -> RowChange | None:
    state = account.state
    if state is None:
        return None
    chunks: tuple[bytes, ...] = ()
    if account.ids is None:
        drop_through = expired_through(account.chunks, committed_ms)
    else:
        chunks, drop_through = account.ids.drain(committed_ms)
    return RowChange(
        account_id=state.account_id,
        state=scorer.encode(state),
        due_ms=_due_ms(state),
        score_centi=None if state.last is None else state.last.score,
        id_chunks=chunks,
        drop_ids_through=drop_through,
    )
