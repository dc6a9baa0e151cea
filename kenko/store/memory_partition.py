"""The twin of the Redis store, in memory: the offline fold uses its plain core, tests its faults."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum

from kenko.engine.rows import CHUNK_HEADER, Row, RowChange
from kenko.runtime.errors import TransientError
from kenko.store.due_index import DueIndex
from kenko.store.port import CommitOutcome, Fence, PartitionCommit
from kenko.store.roles import Role


class Interruption(StrEnum):
    """Where a commit stops, named by the steps of commit.lua."""

    BEFORE = "before"
    """Nothing is written."""
    AFTER_IDS = "ids"
    HALF_WAY = "rows"
    """Ids and rows are written, due index, scores and fence are not."""
    AFTER_INDEXES = "indexes"
    AFTER_FORGOTTEN = "forgotten"
    """Who is to be forgotten is noted, and not erased yet."""
    AFTER_ERASED = "erased"
    AFTER = "fence"
    """All is written, only the answer is lost."""


class MemoryPartition:
    """The state of one partition. Plain methods, no event loop; see `PartitionStore` for what they promise."""

    def __init__(self) -> None:
        self._fence: Fence | None = None
        self._values: dict[str, tuple[bytes, bytes]] = {}
        """State and tail of ids of each account."""
        self._ids: dict[str, list[bytes]] = {}
        self._due = DueIndex()
        self._forgotten: set[bytes] = set()
        self._interruption: Interruption | None = None
        self.role = Role.LIVE
        """Of the keyspace; counts as soon as there is a fence."""
        self.epoch = 1
        """In which of its lives it is."""
        self.scores: dict[str, int | None] = {}
        """Score in hundredths of every account; None for one that has none."""

    def fence(self) -> Fence | None:
        return self._fence

    def forgotten(self) -> frozenset[bytes]:
        return frozenset(self._forgotten)

    def rows(self, account_ids: Iterable[str], *, with_ids: bool = True) -> dict[str, Row | None]:
        return {account_id: self._row(account_id, with_ids=with_ids) for account_id in account_ids}

    def due(self, until_ms: int, limit: int) -> list[tuple[int, str]]:
        return self._due.first(until_ms, limit)

    def next_due(self) -> int | None:
        return self._due.earliest()

    def interrupt_next_commit(self, at: Interruption) -> None:
        """The next commit whose fence fits stops at `at` with a TransientError; the one after it does not."""
        self._interruption = at

    def clear(self) -> None:
        """What FLUSHALL does."""
        self.epoch += 1
        self._fence = None
        self.role = Role.LIVE
        self._values.clear()
        self._ids.clear()
        self._due = DueIndex()
        self._forgotten.clear()
        self.scores.clear()

    def restore(self, rows: Sequence[RowChange]) -> bool:
        """What restore.lua does."""
        if self._fence is not None:
            return False
        for row in rows:
            self._ids[row.account_id] = list(row.id_chunks)
            self._values[row.account_id] = (row.state, row.tail)
            self._change_indexes(row)
        return True

    def forget(self, account_id: str, digest: bytes) -> None:
        self._forgotten.add(digest)
        self._erase(account_id)

    def note_forgotten(self, digests: Collection[bytes]) -> None:
        self._forgotten.update(digests)

    def commit(self, commit: PartitionCommit) -> CommitOutcome:
        """The steps of commit.lua, in its order."""
        if (self._fence.offset if self._fence else None) != commit.expected:
            return CommitOutcome.REFUSED
        if self._fence is not None and self.role is not commit.role:
            return CommitOutcome.REFUSED
        self._stop_if(Interruption.BEFORE)
        for change in commit.rows:
            self._change_ids(change)
        self._stop_if(Interruption.AFTER_IDS)
        for change in commit.rows:
            self._values[change.account_id] = (change.state, change.tail)
        self._stop_if(Interruption.HALF_WAY)
        for change in commit.rows:
            self._change_indexes(change)
        self._stop_if(Interruption.AFTER_INDEXES)
        self._forgotten.update(commit.erased.values())
        self._stop_if(Interruption.AFTER_FORGOTTEN)
        for account_id in commit.erased:
            self._erase(account_id)
        self._stop_if(Interruption.AFTER_ERASED)
        self._fence, self.role = commit.fence, commit.role
        self._stop_if(Interruption.AFTER)
        return CommitOutcome.APPLIED

    def _row(self, account_id: str, *, with_ids: bool) -> Row | None:
        value = self._values.get(account_id)
        if value is None:
            return None
        state, tail = value
        return Row(state, list(self._ids.get(account_id, ())) if with_ids else None, tail)

    def _change_ids(self, change: RowChange) -> None:
        if not change.id_chunks and change.drop_ids_through is None:
            return
        chunks = self._ids.setdefault(change.account_id, [])
        through = change.drop_ids_through
        while through is not None and chunks and CHUNK_HEADER.unpack_from(chunks[0])[1] <= through:
            del chunks[0]
        chunks.extend(change.id_chunks)

    def _change_indexes(self, change: RowChange) -> None:
        self.scores[change.account_id] = change.score_centi
        if change.due_ms is None:
            self._due.drop(change.account_id)
        else:
            self._due.put(change.account_id, change.due_ms)

    def _erase(self, account_id: str) -> None:
        self._values.pop(account_id, None)
        self._ids.pop(account_id, None)
        self._due.drop(account_id)
        self.scores.pop(account_id, None)

    def _stop_if(self, here: Interruption) -> None:
        if self._interruption is here:
            self._interruption = None
            raise TransientError(f"commit interrupted: {here}", retry_after_s=0.0)


class MemoryPartitionStore:
    """A `PartitionStore` over a `MemoryPartition`. Several may share one, as several runners may share a Redis."""

    def __init__(self, partition: MemoryPartition | None = None) -> None:
        self.partition = partition or MemoryPartition()

    async def fence(self) -> Fence | None:
        return self.partition.fence()

    async def forgotten(self) -> frozenset[bytes]:
        return self.partition.forgotten()

    async def rows(self, account_ids: Iterable[str], *, with_ids: bool = True) -> dict[str, Row | None]:
        return self.partition.rows(account_ids, with_ids=with_ids)

    async def due(self, until_ms: int, limit: int) -> list[tuple[int, str]]:
        return self.partition.due(until_ms, limit)

    async def next_due(self) -> int | None:
        return self.partition.next_due()

    async def commit(self, commit: PartitionCommit) -> CommitOutcome:
        return self.partition.commit(commit)
