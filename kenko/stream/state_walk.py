"""StateWalk: writes every account of a partition as it stood at one fence, while the partition goes on.

The fence stands at X. In the background, a piece at a time, the walk reads all accounts: a row last changed below X is
as it was at X. One that is about to change is read before the commit that changes it, and kept until the walk writes
it (`keep`). So the set is of one moment, though it takes minutes to write, and a rebuild from it repeats nothing of the
fold in another way. Only a set whose every record is acknowledged gets a marker.

It holds only while no other runner commits, and while the store is the one it began with: the first is known by a commit
that is applied after the walk (its fence is compared), the second by the epoch. A set that cannot be known to be whole
gets no marker, and a rebuild takes the one before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from kenko.engine.restoring import row_offset
from kenko.engine.rows import Row, RowChange
from kenko.runtime.errors import KenkoError
from kenko.store.port import Fence, PartitionStore
from kenko.store.rebuild_port import RebuildStore
from kenko.stream.observer import StreamObserver
from kenko.stream.patience import Patience
from kenko.stream.producer import Output, OutRecord
from kenko.stream.state_records import StateTopic, TooLargeError, marker_of


class WalkVoidError(KenkoError):
    """The set cannot be known to be whole: it gets no marker."""


@dataclass(frozen=True)
class WalkPlan:
    """How much at once, and how fast."""

    piece: int = 100
    """Accounts read and written at once. They hold up the loop for about 5 ms."""
    pause_s: float = 0.5
    """Seconds between two pieces: a million accounts on 12 partitions take 7 minutes."""
    most_kept_bytes: int = 8_000_000
    """Of rows in memory that wait to be written; with more, a commit waits."""


class StateWalk:
    """One walk, begun at the fence that was just committed. The runner that commits is the one that calls it."""

    def __init__(  # noqa: PLR0913 - the ports it works with, by keyword
        self,
        *,
        plan: WalkPlan,
        topic: StateTopic,
        fence: Fence,
        epoch: str,
        rows: int,
        began_ms: int,
        store: PartitionStore,
        accounts: RebuildStore,
        output: Output,
        patience: Patience,
        observer: StreamObserver,
    ) -> None:
        """`rows`: how many accounts there are at `fence`; `epoch`: of the store, from before the fence was read first."""
        self._plan = plan
        self._topic = topic
        self._fence = fence
        self._epoch = epoch
        self._rows = rows
        self._began_ms = began_ms
        self._store = store
        self._accounts = accounts
        self._output = output
        self._patience = patience
        self._observer = observer
        self._kept: dict[str, Row] = {}
        self._kept_bytes = 0
        self._more = asyncio.Event()
        """Enough is kept for a piece."""
        self._erased: set[str] = set()
        self._since: int | None = None
        self._writing = asyncio.Lock()
        self._task = asyncio.create_task(self._run(), name=f"snapshots-{topic.partition}")

    @property
    def is_through(self) -> bool:
        """Every account was met; what is kept is still to be written."""
        return self._task.done()

    def cancel(self) -> None:
        self._task.cancel()

    async def keep(self, changes: Iterable[RowChange]) -> None:
        """Before a commit: the rows that it replaces and that stood at our fence."""
        at = self._fence.offset
        wanted = [c.account_id for c in changes if c.replaces is not None and c.replaces < at]
        if not wanted:
            return
        for account_id, row in (await self._store.rows(wanted)).items():
            if row is not None and row_offset(row.state) < at:
                self._kept[account_id] = row
                self._kept_bytes += len(row.state) + len(row.tail) + sum(map(len, row.ids or ()))
        if len(self._kept) >= self._plan.piece:
            self._more.set()
        if self._kept_bytes > self._plan.most_kept_bytes:
            await self._write_kept()

    async def erase(self, account_ids: Collection[str], tombstones: list[OutRecord]) -> None:
        """Before a commit that erases: nothing of these accounts is written behind their tombstones."""
        async with self._writing:
            for account_id in account_ids:
                self._erased.add(account_id)
                self._kept.pop(account_id, None)
            await self._send(tombstones)

    async def finish(self) -> None:
        """After an applied commit, and the walk is through: write what is left, and the marker.

        Raises:
            WalkVoidError: the set is not known to be whole.
            PermanentError: Kafka will not take it as it is.
        """
        self._task.result()
        await self._write_kept()
        digests = await self._patience.outlast("redis", self._store.forgotten)
        await self._check_life()
        await self._send(self._divided(digests))
        marker = marker_of(
            self._fence, rows=self._rows, forgotten=len(digests), since=self._since, began_ms=self._began_ms
        )
        await self._send([self._topic.marker(marker)])

    async def _run(self) -> None:
        cursor = 0
        while True:
            cursor = await self._write_piece(cursor)
            if cursor == 0:
                return
            await self._pause()

    async def _pause(self) -> None:
        """What is kept is written meanwhile."""
        clock = asyncio.get_running_loop()
        end_s = clock.time() + self._plan.pause_s
        while True:
            self._more.clear()
            await self._write_kept()
            try:
                await asyncio.wait_for(self._more.wait(), max(0.0, end_s - clock.time()))
            except TimeoutError:
                return

    async def _write_piece(self, cursor: int) -> int:
        async with self._writing:
            outlast = self._patience.outlast
            following, found = await outlast("redis", lambda: self._accounts.accounts(cursor, self._plan.piece))
            rows = await outlast("redis", lambda: self._store.rows(found))
            await self._check_life()
            at = self._fence.offset
            await self._write({a: row for a, row in rows.items() if row is not None and row_offset(row.state) < at})
        return following

    async def _write_kept(self) -> None:
        async with self._writing:
            while self._kept:
                piece = [self._kept.popitem() for _ in range(min(self._plan.piece, len(self._kept)))]
                await self._write(dict(piece))
            self._kept_bytes = 0

    async def _write(self, rows: Mapping[str, Row]) -> None:
        records: list[OutRecord] = []
        written = 0
        for account_id, row in rows.items():
            if account_id not in self._erased:
                records += self._of(account_id, row)
                written += 1
        await self._send(records)
        self._observer.snapshots(written)

    def _of(self, account_id: str, row: Row) -> list[OutRecord]:
        try:
            return self._topic.rows(account_id, row, self._fence.offset)
        except TooLargeError as error:
            self._observer.snapshot_too_large()
            raise WalkVoidError(f"an account's row is too large to be put aside: {error}") from error

    def _divided(self, digests: Collection[bytes]) -> list[OutRecord]:
        try:
            return self._topic.forgotten(digests, self._fence.offset)
        except TooLargeError as error:
            raise WalkVoidError(f"there are too many forgotten accounts: {error}") from error

    async def _send(self, records: list[OutRecord]) -> None:
        if records:
            offsets = await self._patience.outlast("kafka", lambda: self._output.send(records))
            self._since = min(offsets) if self._since is None else min(self._since, *offsets)

    async def _check_life(self) -> None:
        """What was just read is of our fence or a later one, of the same life."""
        pulse = await self._patience.outlast("redis", self._accounts.pulse)
        if pulse.epoch != self._epoch or pulse.offset is None or pulse.offset < self._fence.offset:
            raise WalkVoidError("the store was emptied, or went back")
