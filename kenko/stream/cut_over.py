"""LiveSeat: the seat of a scorer. Where another model's keyspace is live, it builds its own, and takes its place.

Up to X, the fence of the live keyspace, the log makes state and nothing is told: it was, by the other model. At X, before
any later record, in this order:

1. The own fence is committed at X. A crash before it: the log is read again from wherever the fence stands.
2. Of some accounts at a time: rows are carried over, scored, and what differs is told. A crash here: all accounts are
   handed over again, from the live rows, which nobody moves; the same transitions come out, with the same ids, and the
   alerter drops those it has seen.
3. The rows are committed, and the fence takes all but its offset from the live one. A crash here: as above. A row that was
   carried over comes out the same when it is carried again.
4. One script moves the live pointer, if both keyspaces stand at X and nobody has claimed either. A crash before it: as
   above. After it: this keyspace is live, and what comes from X on is told.

A worker with the former model that gets the partition back finds the pointer elsewhere, and goes the same way back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from kenko.engine.carrying import Carrier
from kenko.engine.handover import Handed, Handover, Point, count_told
from kenko.engine.rows import Row
from kenko.engine.scorer import Scorer
from kenko.model.layout import encode_layout, layout_of, read_layout
from kenko.runtime.errors import ConfigurationError
from kenko.runtime.logging import get_logger
from kenko.store.port import CommitOutcome, Fence, PartitionCommit, PartitionStore
from kenko.store.roles import Role
from kenko.store.succession import Claim, Succession
from kenko.stream.observer import StreamObserver, observe
from kenko.stream.outputs import score_record, transition_record
from kenko.stream.patience import Patience
from kenko.stream.plan import RunnerPlan
from kenko.stream.producer import Output
from kenko.stream.runner import wrong_log
from kenko.stream.working_set import FenceMovedError

PIECE: Final = 100
"""Accounts carried over at once, and in one commit: their recent ids are a megabyte each at most, and mostly far less."""

_log = get_logger(__name__)


class LiveSeat:
    """Of one partition."""

    def __init__(  # noqa: PLR0913 - the ports it works with, by keyword
        self,
        *,
        plan: RunnerPlan,
        scorer: Scorer,
        store: PartitionStore,
        output: Output,
        succession: Succession,
        observer: StreamObserver,
        patience: Patience,
    ) -> None:
        """`store` and `output` as the runner has them: they wait out what passes."""
        self._plan = plan
        self._scorer = scorer
        self._store = store
        self._output = output
        self._succession = succession
        self._observer = observer
        self._patience = patience
        self._layout = layout_of(scorer.model)
        self._claim = Claim(Role.LIVE)

    @property
    def role(self) -> Role:
        return self._claim.role

    @property
    def silent_below(self) -> int:
        return self._claim.until or 0

    async def take(self) -> None:
        """Raises ConfigurationError where a person has to decide."""
        stored = encode_layout(self._layout)
        self._claim = claim = await self._patience.outlast("redis", lambda: self._succession.claim(stored))
        if claim.live is None:
            self._observer.building(self._plan.partition, 0)
        else:
            await self._check_log(claim.live)
            _log.info("scorer.builds", partition=self._plan.partition, live=claim.live, until=claim.until)

    async def _check_log(self, live: str) -> None:
        """Raises ConfigurationError where the live keyspace was made from another log: its fence means nothing here."""
        theirs = await self._patience.outlast("redis", self._succession.store(live).fence)
        if theirs is not None and theirs.log_id != self._plan.log_id:
            raise ConfigurationError(wrong_log(self._plan, theirs, f"another log, by {live}, which is live"))

    def is_due(self, next_offset: int) -> bool:
        return self._claim.role is Role.BUILDING and next_offset >= self.silent_below

    async def cut_over(self) -> None:
        live, at = self._claim.live, self._claim.until
        assert live is not None  # noqa: S101 - is_due
        assert at is not None  # noqa: S101 - is_due
        with self._patience.busy():
            await self._cut_over(live, at)

    async def reached(self, end: int) -> bool:
        if self._claim.role is Role.BUILDING:
            self._observer.building(self._plan.partition, max(0, self.silent_below - end))
        return True

    def stop(self) -> None:
        """Nothing is waited for here."""

    async def _cut_over(self, live: str, at: int) -> None:
        theirs, mine = await self._fences(live, at)
        layout = read_layout(await self._patience.outlast("redis", lambda: self._succession.layout(live)))
        carrier = None if layout is None else Carrier(self._scorer, layout)
        if carrier is None:
            _log.warning("scorer.live_rows_unreadable", partition=self._plan.partition, live=live)
        forgotten = await self._store.forgotten()
        point = Point(self._plan.partition, at, theirs.now_ms, theirs.silent, forgotten, self._plan.due_budget)
        handover = Handover(self._scorer, carrier, point)
        expected = None if mine is None else mine.offset
        accounts = told = 0
        async for account_ids in self._accounts(live):
            handed = handover.hand_over(*await self._rows(live, account_ids))
            await self._tell(handed)
            await self._commit(expected, theirs, handed)
            expected = at
            accounts += len(handed.rows)
            told += count_told(handed.transitions)
        await self._commit(expected, theirs, Handed([], [], []))
        if not await self._patience.outlast("redis", lambda: self._succession.move(live, at)):
            raise FenceMovedError(f"partition {self._plan.partition}: {live} has moved since it was at {at}")
        _log.info(
            "scorer.cut_over",
            partition=self._plan.partition,
            at=at,
            former=live,
            accounts=accounts,
            told=told,
            carried_signals=0 if carrier is None else carrier.carried_cells,
        )

    async def _fences(self, live: str, at: int) -> tuple[Fence, Fence | None]:
        """The live fence, and our own.

        Raises:
            FenceMovedError: the live one is not where it was claimed.
            ConfigurationError: our own is ahead of it. What stands between was never told, and cannot be any more.
        """
        theirs = await self._patience.outlast("redis", self._succession.store(live).fence)
        if theirs is None or theirs.offset != at:
            raise FenceMovedError(f"partition {self._plan.partition}: {live} has moved since it was at {at}")
        mine = await self._store.fence()
        if mine is not None and mine.offset > at:
            raise ConfigurationError(
                f"Partition {self._plan.partition}: the state of this model stands at offset {mine.offset}, ahead of"
                f" {live}, which is live and stands at {at}. A scorer or a shadow never does that; keys were restored or"
                " moved by hand. Remove this model's keys, and it is built anew, or go back to the live model."
            )
        return replace(theirs, snapshot_ms=None), mine  # its snapshots are of other rows

    async def _accounts(self, live: str) -> AsyncIterator[list[str]]:
        """Every account of both keyspaces, a piece at a time; first those that the log made and the live model never knew."""
        outlast, succession = self._patience.outlast, self._succession
        async for page in succession.accounts(succession.own):
            alone = await outlast("redis", partial(succession.unknown, live, page))
            for first in range(0, len(alone), PIECE):
                yield alone[first : first + PIECE]
        async for page in succession.accounts(live):
            for first in range(0, len(page), PIECE):
                yield page[first : first + PIECE]

    async def _rows(
        self, live: str, account_ids: list[str]
    ) -> tuple[Mapping[str, Row | None], Mapping[str, Row | None]]:
        theirs = await self._patience.outlast("redis", partial(self._succession.store(live).rows, account_ids))
        return theirs, await self._store.rows(account_ids, with_ids=False)

    async def _tell(self, handed: Handed) -> None:
        for transition in handed.transitions:
            observe(self._observer, transition)
        self._observer.scored(len(handed.scores))
        plan = self._plan
        await self._output.send([transition_record(told, plan.transitions_topic) for told in handed.transitions])
        await self._output.send([score_record(update, plan.scores_topic) for update in handed.scores])

    async def _commit(self, expected: int | None, fence: Fence, handed: Handed) -> None:
        commit = PartitionCommit(expected, fence, handed.rows, role=Role.BUILDING)
        if await self._store.commit(commit) is CommitOutcome.REFUSED:
            raise FenceMovedError(f"partition {self._plan.partition}: the fence is no longer at {expected}")
