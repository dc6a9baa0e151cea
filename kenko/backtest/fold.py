"""The offline fold: the engine over events and ticks in memory, partition by partition. The reference of every check.

No broker, no Redis, no event loop: the plan's steps in, scores and transitions out. Offsets count as they would in
a log that holds each accepted event and each tick once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kenko.backtest.family import child_of, has_parent
from kenko.backtest.view import AccountView, view_row
from kenko.engine.partition import PartitionFold
from kenko.engine.partitioning import murmur2_partition
from kenko.engine.rollup import Child
from kenko.engine.rows import Row
from kenko.engine.scorer import Scorer
from kenko.model import HealthModel
from kenko.model.limits import DUE_BUDGET
from kenko.store.memory_partition import MemoryPartition
from kenko.store.port import MAX_ROWS_A_COMMIT, CommitOutcome, Fence, PartitionCommit
from schemas.account_traits import AccountTraits
from schemas.health import HealthScore
from schemas.override import Override
from schemas.transition import Transition
from schemas.usage_event import UsageEvent

LOG_ID = "offline"


@dataclass
class _Partition:
    """One partition: its fold over its store, and where its log ends."""

    fold: PartitionFold
    store: MemoryPartition = field(default_factory=MemoryPartition)
    end: int = 0

    def apply(self, event: UsageEvent) -> None:
        self._admit(event.account_id)
        self.fold.apply(self.end, event)
        self.end += 1

    def amend(self, record: AccountTraits | Override) -> None:
        self._admit(record.account_id)
        self.fold.amend(self.end, record)
        self.end += 1

    def _admit(self, account_id: str) -> None:
        if self.fold.changed_count() + 1 > MAX_ROWS_A_COMMIT - DUE_BUDGET:
            self.commit()  # room for the accounts of a tick
        self._load([account_id])

    def tick(self, time_ms: int) -> list[Transition]:
        offset = self.end
        self.end += 1
        transitions: list[Transition] = []
        if self.fold.tick(offset, time_ms, None) and self.fold.now_ms is not None:
            stored = self.store.due(self.fold.now_ms, DUE_BUDGET + self.fold.changed_count())
            due = self.fold.select_due(stored)
            self._load(due)
            transitions = self.fold.evaluate(due, offset)
        self.commit()
        return transitions

    def commit(self) -> None:
        rows = self.fold.drain()
        before = self.store.fence()
        fence = Fence(offset=self.end, log_id=LOG_ID, now_ms=self.fold.now_ms, counts=dict(self.fold.counts))
        expected = None if before is None else before.offset
        if self.store.commit(PartitionCommit(expected=expected, fence=fence, rows=rows)) is not CommitOutcome.APPLIED:
            raise RuntimeError("the only runner of a partition was refused")

    def _load(self, account_ids: Iterable[str]) -> None:
        missing = self.fold.missing(account_ids)
        if missing:
            self.fold.adopt(self.store.rows(missing))


class OfflineFold:
    """Apply events, then a tick, and so on. Scores are read as of the newest tick."""

    def __init__(self, model: HealthModel, *, partitions: int) -> None:
        self.model = model
        self._scorer = Scorer(model)
        self._partitions = [
            _Partition(PartitionFold(self._scorer, partition=number, due_budget=DUE_BUDGET))
            for number in range(partitions)
        ]
        self._home: dict[str, _Partition] = {}
        self.now_ms: int | None = None

    def apply(self, event: UsageEvent) -> None:
        """The next event of the log."""
        self._at_home(event.account_id).apply(event)

    def amend(self, record: AccountTraits | Override) -> None:
        """The next record of the log that tells of an account without being an event."""
        self._at_home(record.account_id).amend(record)

    def tick(self, time_ms: int) -> list[Transition]:
        """A tick in every partition; what it caused."""
        self.now_ms = time_ms if self.now_ms is None else max(self.now_ms, time_ms)
        return [transition for partition in self._partitions for transition in partition.tick(time_ms)]

    @property
    def accounts(self) -> list[str]:
        """Every account that has state."""
        return sorted(account for partition in self._partitions for account in partition.store.scores)

    @property
    def counts(self) -> Counter[str]:
        """Records by outcome, over all partitions."""
        total: Counter[str] = Counter()
        for partition in self._partitions:
            total.update(partition.fold.counts)
        return total

    def rows(self, partition: int) -> Iterator[tuple[str, Row]]:
        """Every account of a partition that has state, with its row as a commit writes it."""
        store = self._partitions[partition].store
        for account_id in store.scores:
            row = store.rows([account_id])[account_id]
            if row is not None:
                yield account_id, row

    def health(self, account_id: str) -> HealthScore | None:
        """The score as of the newest tick; None for an account that has no state, or before the first tick."""
        row = self._at_home(account_id).store.rows([account_id])[account_id]
        if row is None or self.now_ms is None:
            return None
        return self._scorer.health(self._scorer.decode(account_id, row.state), self.now_ms)

    def view(self, account_id: str) -> AccountView | None:
        """The account, explained, as of the newest tick; None as for `health`."""
        row = self._at_home(account_id).store.rows([account_id])[account_id]
        return (
            None if row is None or self.now_ms is None else view_row(self._scorer, account_id, row.state, self.now_ms)
        )

    def scores(self) -> Iterator[HealthScore]:
        """The score of every account."""
        for account_id in self.accounts:
            health = self.health(account_id)
            if health is not None:
                yield health

    def children(self, parent: str) -> list[Child]:
        """The accounts whose parent this is, as of the newest tick."""
        if self.now_ms is None:
            return []
        rows = (self._at_home(account_id).store.rows([account_id]) for account_id in self.accounts)
        states = [
            self._scorer.decode(id_, row.state) for found in rows for id_, row in found.items() if row is not None
        ]
        return [child_of(self._scorer, state, self.now_ms) for state in states if has_parent(state, parent)]

    def _at_home(self, account_id: str) -> _Partition:
        home = self._home.get(account_id)
        if home is None:
            number = murmur2_partition(account_id.encode(), len(self._partitions))
            home = self._home[account_id] = self._partitions[number]
        return home
