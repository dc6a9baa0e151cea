"""PartitionFold: the fold of one partition. Pure: the caller loads rows, passes them in, and writes what comes out.

Wherever the caller cuts the log into batches and commits, rows, transitions and ids come out the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from heapq import nsmallest

from kenko.engine.backfill import note_backfill, settle_backfill
from kenko.engine.evaluation import Evaluation
from kenko.engine.freshness import ALL_SOURCES
from kenko.engine.held_account import HeldAccount
from kenko.engine.identity import account_digest, event_digest
from kenko.engine.recent_ids import NO_TIME
from kenko.engine.rows import Row, RowChange
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState
from kenko.engine.telling import Teller
from kenko.model.hashes import with_due_budget
from kenko.model.limits import DUE_BUDGET, MINUTE_MS
from schemas.account_traits import AccountTraits
from schemas.base import to_ms
from schemas.forget import Forget
from schemas.health import ScoreUpdate
from schemas.override import Override
from schemas.source_state import SourceState
from schemas.transition import Transition
from schemas.usage_event import UsageEvent

TICK_AHEAD_MS = 15 * MINUTE_MS
"""A tick further ahead of its own Kafka timestamp than this is ignored."""


class Outcome(StrEnum):
    """What became of a usage event. Also the name it is counted under."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    """Its (source, id) was applied before."""
    TOO_LATE = "too_late"
    """Older than the horizon."""
    ALREADY = "already"
    """At or below the row's offset: a commit that did not complete had written the row."""
    FORGOTTEN = "forgotten"
    """Its account is forgotten: nothing of it is taken in any more."""


_NAMES = {outcome: outcome.value for outcome in Outcome}
"""Plain text, for the counts are stored; and several times faster than to ask the enum at each event."""
_OUTCOME_APPLIED, _APPLIED, _TOO_LATE = Outcome.APPLIED, _NAMES[Outcome.APPLIED], _NAMES[Outcome.TOO_LATE]
_FORGOTTEN = _NAMES[Outcome.FORGOTTEN]


class PartitionFold:
    """Applies the records of one partition, in order, to the rows that were adopted."""

    def __init__(  # noqa: PLR0913 - by keyword: what is kept with the fence
        self,
        scorer: Scorer,
        *,
        partition: int,
        due_budget: int = DUE_BUDGET,
        now_ms: int | None = None,
        counts: Mapping[str, int] | None = None,
        silent: Mapping[str, int] | None = None,
        forgotten: Collection[bytes] = (),
    ) -> None:
        """`now_ms`, `counts`, `silent` and the digests of `forgotten` accounts are those kept with the fence; None for a
        partition without one.
        """
        self.scorer = scorer
        self.partition = partition
        self.due_budget = due_budget
        self.now_ms = now_ms
        """Newest tick. Never goes backwards; None before the first."""
        self.silent: dict[str, int] = dict(silent or {})
        """Sources that are silent, and since when; `""` is all of them."""
        self.counts: Counter[str] = Counter(counts or {})
        """Running totals: by outcome, and ticks, ticks_ignored, evaluated, transitions, ignored_values, ids_cut_short."""
        self._committed_ms = now_ms
        self._teller = Teller(scorer, partition, with_due_budget(scorer.model.score_hash, due_budget))
        self._accounts: dict[str, HeldAccount] = {}
        self._dirty: dict[str, HeldAccount] = {}
        self._uses = 0
        self._horizon_ms = scorer.horizon_ms
        self._scores: list[ScoreUpdate] = []
        self._forgotten = set(forgotten)
        self._erased: dict[str, bytes] = {}

    def missing(self, account_ids: Iterable[str]) -> list[str]:
        """Those that are not in the working set, each once: load and adopt them."""
        return [account_id for account_id in dict.fromkeys(account_ids) if account_id not in self._accounts]

    def lacking_ids(self, account_ids: Iterable[str]) -> list[str]:
        """Those in the working set that were adopted without their ids and have some: adopt them with their ids before a
        record of theirs is applied.
        """
        known = ((account_id, self._accounts.get(account_id)) for account_id in account_ids)
        return [account_id for account_id, account in known if account is not None and account.chunks is None]

    def adopt(self, rows: Mapping[str, Row | None]) -> None:
        """Take rows into the working set; None: no such account yet.

        One that is there already stays as it is, but for ids that it lacks. The caller sees to it that nobody moved the
        fence between the two readings: what they drop of the ids is over at their fence, not at ours.
        """
        for account_id, row in rows.items():
            known = self._accounts.get(account_id)
            if known is None:
                account = self._accounts[account_id] = self._adopted(account_id, row)
                self._use(account)
            elif known.chunks is None:
                known.chunks = () if row is None else row.ids

    def _adopted(self, account_id: str, row: Row | None) -> HeldAccount:
        is_forgotten = self.is_forgotten(account_id)
        if row is not None and not is_forgotten:
            return HeldAccount.stored(self.scorer, account_id, row)
        account = HeldAccount()
        account.is_forgotten = is_forgotten
        return account

    def apply(self, offset: int, event: UsageEvent) -> Outcome:
        """Apply one event to its adopted account.

        Raises KeyError if the account was not adopted, ValueError if it was, without the ids it has.
        """
        account = self._accounts[event.account_id]
        time_ms = to_ms(event.time)
        now_ms, counts = self.now_ms, self.counts
        if account.is_forgotten:
            counts[_FORGOTTEN] += 1
            return Outcome.FORGOTTEN
        if now_ms is not None and time_ms < now_ms - self._horizon_ms:
            counts[_TOO_LATE] += 1
            return Outcome.TOO_LATE
        digest = event_digest(event.source, event.id)
        refusal = self._refusal(account, offset, digest)
        if refusal is not None:
            counts[_NAMES[refusal]] += 1
            return refusal
        state = account.state
        if state is None:
            state = account.state = self.scorer.new(event.account_id)
        ignored = self.scorer.apply(state, event, time_ms, digest, account.row, account.memo)
        if ignored:
            counts["ignored_values"] += ignored
        if event.backfill:
            note_backfill(state)
        counts[_APPLIED] += 1
        self._change(account, state, offset)
        return _OUTCOME_APPLIED

    def amend(self, offset: int, record: AccountTraits | Override) -> Outcome:
        """Apply a record of traits or an override, as `apply` does an event. It is never too late: the newest counts."""
        account = self._accounts[record.account_id]
        if account.is_forgotten:
            self.counts[_FORGOTTEN] += 1
            return Outcome.FORGOTTEN
        digest = event_digest(record.source, record.id)
        refusal = self._refusal(account, offset, digest)
        if refusal is not None:
            self.counts[_NAMES[refusal]] += 1
            return refusal
        state = account.state
        if state is None:
            state = account.state = self.scorer.new(record.account_id)
        account.memo.drop()
        ignored = self.scorer.amend(state, record, digest, account.row)
        if ignored:
            self.counts["ignored_values"] += ignored
        self.counts[_APPLIED] += 1
        self._change(account, state, offset)
        return _OUTCOME_APPLIED

    def forget(self, record: Forget) -> None:
        """Forget its adopted account: no state from now on. The same again, of one that is forgotten, changes nothing.

        Raises KeyError if the account was not adopted.
        """
        account_id = record.account_id
        forgotten = HeldAccount()
        forgotten.is_forgotten = True
        # Changed until the commit: the store's due index still names it, and no tick may spend its budget on it.
        forgotten.is_dirty = True
        del self._accounts[account_id]
        self._accounts[account_id] = self._dirty[account_id] = forgotten
        self._use(forgotten)
        self._erased[account_id] = digest = account_digest(account_id)
        self._forgotten.add(digest)
        self.counts[_APPLIED] += 1

    def is_forgotten(self, account_id: str) -> bool:
        """Whether nothing of this account is taken in any more."""
        return bool(self._forgotten) and account_digest(account_id) in self._forgotten

    def _refusal(self, account: HeldAccount, offset: int, digest: bytes) -> Outcome | None:
        """Why a record that is not too late is not to be taken in; None: its id is remembered from now on."""
        state = account.state
        if state is not None and offset <= state.offset:
            self._mark(account, state)
            return Outcome.ALREADY
        ids = account.ids
        if ids is None:
            ids = account.read_ids(self.counts)
        now_ms = self.now_ms
        return None if ids.add(digest, offset, NO_TIME if now_ms is None else now_ms) else Outcome.DUPLICATE

    def _change(self, account: HeldAccount, state: AccountState, offset: int) -> None:
        state.offset = offset
        account.row = None
        if not account.is_dirty:
            self._mark(account, state)

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

    def hear_of_source(self, record: SourceState) -> None:
        """A source fell silent, or is back. Applies to every account of the partition from the next tick on."""
        source = ALL_SOURCES if record.source is None else record.source
        if record.silent_since is None:
            self.silent.pop(source, None)
        else:
            self.silent[source] = to_ms(record.silent_since)

    def select_due(self, stored_due: Sequence[tuple[int, str]]) -> list[str]:
        """The accounts to evaluate at this tick, most overdue first: at most the due budget.

        `stored_due`: of the store's due index, as of the last drain, the first (due budget + `changed_count()`) entries
        that are due now, in order. What has changed since then is overlaid; a touched account is due at 0.
        """
        now_ms = self._now()
        due = [(due_ms, id_) for due_ms, id_ in stored_due if due_ms <= now_ms and id_ not in self._dirty]
        for account_id, account in self._dirty.items():
            due_ms = account.due_ms()
            if due_ms is not None and due_ms <= now_ms:
                due.append((due_ms, account_id))
        due.sort(key=lambda entry: (entry[0], entry[1].encode()))
        return [account_id for _, account_id in due[: self.due_budget]]

    def evaluate(self, account_ids: Sequence[str], tick_offset: int) -> list[Transition]:
        """Score these adopted accounts at the tick. Answers the changes of zones and rules, in the order of the accounts.

        Passed over: an account that does not exist, one whose row stands at this tick or after it (a commit that did
        not complete wrote it; it is handed out again so that its due time is written), and one that is not due.
        """
        now_ms = self._now()
        transitions: list[Transition] = []
        evaluated = 0
        for account_id in account_ids:
            account = self._accounts[account_id]
            state = account.state
            if state is None:
                continue
            self._mark(account, state)
            due_ms = account.due_ms()
            if state.offset >= tick_offset or due_ms is None or due_ms > now_ms:
                continue
            evaluation = self.scorer.evaluate(state, now_ms, self.silent, account.memo)
            settle_backfill(state, now_ms)
            state.offset = tick_offset
            account.row = None
            evaluated += 1
            if evaluation is not None:
                self._tell(state, evaluation, tick_offset, now_ms, transitions)
        self.counts["evaluated"] += evaluated
        self.counts["transitions"] += len(transitions)
        return transitions

    def _tell(
        self, state: AccountState, evaluation: Evaluation, offset: int, now_ms: int, transitions: list[Transition]
    ) -> None:
        if evaluation.is_news:
            self._scores.append(self._teller.score(state, evaluation, offset, now_ms))
        if evaluation.step is not None:
            transitions += self._teller.transitions(state, evaluation, evaluation.step, offset, now_ms)

    def take_scores(self) -> list[ScoreUpdate]:
        """The scores to publish since this was last asked: those that moved by a point, or changed zone or standing."""
        scores, self._scores = self._scores, []
        return scores

    def changed_count(self) -> int:
        """How many accounts the next drain hands out."""
        return len(self._dirty)

    def drain(self) -> list[RowChange]:
        """What a commit must write since the last drain. Marks all clean: a commit that fails means a new fold."""
        committed_ms = NO_TIME if self._committed_ms is None else self._committed_ms
        changes = [account.drain(self.scorer, committed_ms) for account in self._dirty.values()]
        for account in self._dirty.values():
            account.is_dirty = False
        self._dirty = {}
        self._committed_ms = self.now_ms
        return [change for change in changes if change is not None]

    def drain_erased(self) -> dict[str, bytes]:
        """The accounts forgotten since the last drain, each with its digest: the same commit must erase them."""
        erased, self._erased = self._erased, {}
        return erased

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

    def _use(self, account: HeldAccount) -> None:
        self._uses += 1
        account.used = self._uses

    def _mark(self, account: HeldAccount, state: AccountState) -> None:
        """The next commit writes this account."""
        if not account.is_dirty:
            account.is_dirty = True
            self._dirty[state.account_id] = account
            self._use(account)
