"""Waiting out what passes: the same call again, in place, until it succeeds. Nothing is skipped meanwhile.

A runner that waits is alive: its partition is held back by its full queue, the others go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from kenko.engine.rows import Row
from kenko.runtime.errors import TransientError
from kenko.runtime.logging import get_logger
from kenko.store.port import CommitOutcome, Fence, PartitionCommit, PartitionStore
from kenko.stream.observer import StreamObserver
from kenko.stream.producer import Output, OutRecord

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 5.0
_DOUBLINGS: Final = 10
"""By then the longest wait is reached."""

Sleep = Callable[[float], Awaitable[None]]
Result = TypeVar("Result")

_log = get_logger(__name__)


def wait_s(failures: int, retry_after_s: float) -> float:
    """Seconds before the next try: doubling from 0.1 up to 5, never less than asked for, except at the first failure.

    The first failure is most often a connection that a restarted server closed: the next try finds a new one.
    """
    doublings = min(failures - 1, _DOUBLINGS)  # after a thousand failures, an hour and a half, 2.0 ** n is no float
    backoff = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**doublings)
    return backoff if failures == 1 else max(backoff, min(retry_after_s, LONGEST_WAIT_S))


class Patience:
    """Repeats a call until it does not fail with TransientError. Anything else goes up."""

    def __init__(self, observer: StreamObserver, *, sleep: Sleep = asyncio.sleep) -> None:
        self._observer = observer
        self._sleep = sleep
        self.waiting = 0
        """Calls that wait something out right now."""

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Something long is done that moves no offset: it counts as waiting, or it would pass for a stall."""
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    async def outlast(self, cause: str, call: Callable[[], Awaitable[Result]]) -> Result:
        """The result of `call`; `cause` ("redis", "kafka") is what it waits for."""
        failures = 0
        while True:
            try:
                result = await call()
            except TransientError as error:
                failures += 1
                self._observer.waiting(cause)
                pause_s = wait_s(failures, error.retry_after_s)
                _log.warning("stream.waiting", cause=cause, failures=failures, pause_s=pause_s, error=str(error))
                self.waiting += 1
                try:
                    await self._sleep(pause_s)
                finally:
                    self.waiting -= 1
            else:
                if failures:
                    _log.info("stream.recovered", cause=cause, failures=failures)
                return result


class PatientOutput:
    """An `Output` that waits Kafka out. A repeated send repeats records, each with the same id."""

    def __init__(self, output: Output, patience: Patience) -> None:
        self._output = output
        self._patience = patience

    async def send(self, records: Sequence[OutRecord]) -> list[int]:
        return await self._patience.outlast("kafka", lambda: self._output.send(records))

    async def send_in_order(self, records: Sequence[OutRecord]) -> None:
        await self._patience.outlast("kafka", lambda: self._output.send_in_order(records))


class PatientStore:
    """A `PartitionStore` that waits the store out."""

    def __init__(self, store: PartitionStore, patience: Patience) -> None:
        self._store = store
        self._outlast = patience.outlast

    async def fence(self) -> Fence | None:
        return await self._outlast("redis", self._store.fence)

    async def forgotten(self) -> frozenset[bytes]:
        return await self._outlast("redis", self._store.forgotten)

    async def rows(self, account_ids: Iterable[str], *, with_ids: bool = True) -> dict[str, Row | None]:
        wanted = list(account_ids)
        return await self._outlast("redis", lambda: self._store.rows(wanted, with_ids=with_ids))

    async def due(self, until_ms: int, limit: int) -> list[tuple[int, str]]:
        return await self._outlast("redis", lambda: self._store.due(until_ms, limit))

    async def next_due(self) -> int | None:
        return await self._outlast("redis", self._store.next_due)

    async def commit(self, commit: PartitionCommit) -> CommitOutcome:
        """A commit whose answer was lost may have been applied: sent again, it would be refused by its own fence.

        So after a failure a refusal is checked against the fence: if it stands where this commit puts it, the commit
        is in. (Were it another runner's, its rows would be the same: state is a function of log and offset.)
        """
        failed = False

        async def attempt() -> CommitOutcome:
            nonlocal failed
            try:
                outcome = await self._store.commit(commit)
                if outcome is CommitOutcome.REFUSED and failed:
                    fence = await self._store.fence()
                    if fence is not None and (fence.offset, fence.log_id) == (commit.fence.offset, commit.fence.log_id):
                        return CommitOutcome.APPLIED
            except TransientError:
                failed = True
                raise
            return outcome

        return await self._outlast("redis", attempt)
