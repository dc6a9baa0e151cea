"""Fills an empty store from the snapshots of its partition, up to a marker. Nothing counts until its fence is committed.

The steps, and what a crash in them leaves behind:

1. Find the newest marker of our model and our log. Nothing is written yet.
2. Read its set and put the rows into the store, behind no fence. A crash here leaves rows that nobody looks at: without
   a fence the next runner begins again, and writes the same rows over them.
3. Commit the marker's fence, if the store still has none. A crash before it: as above. After it the partition stands at the
   marker, and goes on like any partition whose store is older than the log.

Of the records behind the marker's beginning those of its own fence are its set. A tombstone says that the account is
forgotten: from the marker on, though the log asks for it later. Compaction may have taken a part of the set, if the
next one was begun and left unfinished for more than a day. Then rows of a later fence are taken in their stead: they are ahead of
the fence as a row is whose commit stopped. A row of an earlier fence was written by a zombie; where compaction has
left nothing else of the account, the set is of no use, and the log is read from its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from kenko.engine.identity import account_digest
from kenko.engine.restoring import restored
from kenko.engine.rows import RowChange
from kenko.engine.scorer import Scorer
from kenko.runtime.errors import TransientError
from kenko.runtime.logging import get_logger
from kenko.store.port import CommitOutcome, PartitionCommit, PartitionStore
from kenko.store.rebuild_port import RebuildStore
from kenko.stream.browser import Bounds
from kenko.stream.patience import Patience
from kenko.stream.state_records import (
    Marker,
    Part,
    StateTopic,
    UnreadableError,
    content_of,
    digests_in,
    read_part,
    row_in,
)
from kenko.stream.state_topic import StateRecord, StateSource

ROWS_AT_ONCE: Final = 500

_log = get_logger(__name__)


class _Parts:
    """The parts of the accounts that have several, until they are together."""

    def __init__(self) -> None:
        self._shares: dict[tuple[str, int], dict[int, bytes]] = {}

    def add(self, name: str, number: int, part: Part) -> bytes | None:
        """The content, once all its parts are there."""
        if part.parts == 1:
            return content_of([part.share])
        shares = self._shares.setdefault((name, part.fence), {})
        shares[number] = part.share
        if len(shares) < part.parts:
            return None
        del self._shares[name, part.fence]
        return content_of([shares[n] for n in range(part.parts)])


class StateRestore:
    """One rebuild of one partition from its snapshots."""

    def __init__(  # noqa: PLR0913 - the ports it works with, by keyword
        self,
        *,
        topic: StateTopic,
        scorer: Scorer,
        source: StateSource,
        store: PartitionStore,
        accounts: RebuildStore,
        patience: Patience,
    ) -> None:
        self._topic = topic
        self._scorer = scorer
        self._source = source
        self._store = store
        self._accounts = accounts
        self._patience = patience
        self._begin()

    def _begin(self) -> None:
        self._parts = _Parts()
        self._taken: set[str] = set()
        """Accounts that are in the store."""
        self._later: set[str] = set()
        """Accounts with a row of a later fence."""
        self._stale: set[str] = set()
        """Accounts with a row of an earlier one."""
        self._forgotten: set[bytes] = set()
        self._erased: set[str] = set()
        self._waiting: dict[str, RowChange] = {}

    async def run(self, log_id: str, log_end: int) -> int | None:
        """Rows restored, up to a committed fence; None: there is no whole set, or somebody else has put a fence there."""
        return await self._patience.outlast("kafka", lambda: self._attempt(log_id, log_end))

    async def _attempt(self, log_id: str, log_end: int) -> int | None:
        try:
            return await self._fill(log_id, log_end)
        except UnreadableError as error:
            _log.warning("scorer.snapshots_unreadable", partition=self._topic.partition, error=str(error))
            return None

    async def _fill(self, log_id: str, log_end: int) -> int | None:
        self._begin()
        epoch = (await self._patience.outlast("redis", self._accounts.pulse)).epoch
        bounds = await self._source.bounds()
        marker = await self._marker(bounds, log_id, log_end)
        if marker is None:
            return None
        begin = bounds.end if marker.since is None else marker.since
        found = Bounds(max(begin, bounds.start), bounds.end)
        if not await self._read(found, marker, ahead=False):
            return None
        if not self._is_whole(marker) and not await self._read(found, marker, ahead=True):
            return None
        if not self._is_whole(marker):
            # What was written stays: rows that are right, and ahead of a fence that begins with the log.
            _log.warning("scorer.snapshots_incomplete", partition=self._topic.partition, rows=len(self._taken))
            return None
        await self._patience.outlast("redis", lambda: self._accounts.note_forgotten(self._forgotten))
        if (await self._patience.outlast("redis", self._accounts.pulse)).epoch != epoch:
            raise TransientError("the store was emptied while it was filled")
        outcome = await self._store.commit(PartitionCommit(expected=None, fence=marker.fence()))
        return len(self._taken) if outcome is CommitOutcome.APPLIED else None

    async def _marker(self, bounds: Bounds, log_id: str, log_end: int) -> Marker | None:
        """The newest that is of this log. One beyond its end was made from another of the same name."""
        newest: Marker | None = None
        async for record in self._source.read(bounds):
            try:
                marker = self._topic.read_marker(record.key, record.value)
            except UnreadableError as error:
                _log.warning("scorer.marker_unreadable", partition=self._topic.partition, error=str(error))
                continue
            if marker is None or marker.log_id != log_id or marker.offset > log_end:
                continue
            if newest is None or marker.offset >= newest.offset:
                newest = marker
        return newest

    async def _read(self, bounds: Bounds, marker: Marker, *, ahead: bool) -> bool:
        """Put the rows of the set, or those ahead of it, into the store. False: somebody else has put a fence there."""
        async for record in self._source.read(bounds):
            if not await self._take(record, marker, ahead=ahead):
                return False
        return await self._write()

    def _is_whole(self, marker: Marker) -> bool:
        if self._stale - self._taken - self._erased or len(self._forgotten) < marker.forgotten:
            return False
        if len(self._taken) == marker.rows:
            return True
        # One that is erased may have come after the marker: it stands for none of the set's as long as one could be missing.
        return len(self._taken) + len(self._erased) >= marker.rows and self._later <= self._taken | self._erased

    async def _take(self, record: StateRecord, marker: Marker, *, ahead: bool) -> bool:
        if self._topic.is_forgotten(record.key):
            self._take_digests(record, marker)
            return True
        found = self._topic.row_of(record.key)
        if found is None:
            return True
        account_id, number = found
        if record.value is None:
            await self._erase(account_id)
            return True
        part = read_part(record.value)
        if self._is_wanted(account_id, part.fence, marker, ahead=ahead):
            content = self._parts.add(account_id, number, part)
            if content is not None:
                self._waiting[account_id] = self._restored(account_id, content)
                self._taken.add(account_id)
        return len(self._waiting) < ROWS_AT_ONCE or await self._write()

    def _restored(self, account_id: str, content: bytes) -> RowChange:
        try:
            return restored(self._scorer, account_id, row_in(content))
        except (ValueError, msgspec.DecodeError) as error:
            raise UnreadableError(f"a row that cannot be read: {error}") from error

    def _is_wanted(self, account_id: str, fence: int, marker: Marker, *, ahead: bool) -> bool:
        if fence < marker.offset:
            self._stale.add(account_id)
        elif fence > marker.offset:
            self._later.add(account_id)
        is_ours = fence > marker.offset if ahead else fence == marker.offset
        return is_ours and account_id not in self._taken and account_id not in self._erased

    def _take_digests(self, record: StateRecord, marker: Marker) -> None:
        if record.value is None:
            return
        part = read_part(record.value)
        if part.fence >= marker.offset:
            number = int(record.key.rpartition(b"/")[2])
            content = self._parts.add("", number, part)
            if content is not None:
                self._forgotten |= digests_in(content)

    async def _erase(self, account_id: str) -> None:
        if account_id not in self._erased:
            self._erased.add(account_id)
            self._waiting.pop(account_id, None)
            self._taken.discard(account_id)
            digest = account_digest(account_id)
            await self._patience.outlast("redis", lambda: self._accounts.forget(account_id, digest))

    async def _write(self) -> bool:
        rows: Sequence[RowChange] = list(self._waiting.values())
        self._waiting.clear()
        return not rows or await self._patience.outlast("redis", lambda: self._accounts.restore(rows))
