"""Confirmer: looks a second time, some seconds later, at what was recorded, and only then lets it be acknowledged.

Redis writes its append-only file to the disk once a second, so one that crashes comes back without its last second. The
scorer sees that by its fence. Here it would go unseen: the transition was read and is not read again, and its alert is
lost. So what a record left is looked for again when it must be on the disk; if it is gone, all that was handled since is
handled again, in its order, which changes nothing where nothing was lost.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NamedTuple, Protocol

from kenko.runtime.clock import Clock
from kenko.runtime.logging import get_logger
from services.alerter.metrics import AlerterMetrics
from services.alerter.record_in import RecordIn

CONFIRM_AFTER_S: Final = 3.0
"""Longer than a write may stay off the disk: a second, and another while the disk is busy."""

_log = get_logger(__name__)


class Handler(Protocol):
    """As `TransitionHandler`: handling a record twice changes nothing."""

    def handle(self, record: RecordIn) -> Awaitable[object]: ...

    def holds(self, record: RecordIn) -> Awaitable[bool]: ...


class _Pending(NamedTuple):
    record: RecordIn
    ack: Callable[[], object]
    since_s: float


class Confirmer:
    """Crash at any time: what is not acknowledged is read again, and is a DUPLICATE where it was recorded."""

    def __init__(self, handler: Handler, clock: Clock, metrics: AlerterMetrics) -> None:
        self._handler = handler
        self._clock = clock
        self._metrics = metrics
        self._pending: defaultdict[int, deque[_Pending]] = defaultdict(deque)
        """By partition, in the order in which they were handled."""
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._came = asyncio.Event()

    async def take(self, record: RecordIn, ack: Callable[[], object]) -> None:
        """Handle `record`; `ack` is called when it is sure to stay."""
        async with self._locks[record.partition]:
            # Handled before what was lost of its account, it would make that look like a repeat.
            if not await self._are_held(p for p in self._pending[record.partition] if p.record.key == record.key):
                await self._restore(record.partition)
            await self._handler.handle(record)
            self._pending[record.partition].append(_Pending(record, ack, self._clock.monotonic()))
        self._came.set()

    def drop(self, partitions: Iterable[int]) -> None:
        """They are somebody else's now, who reads again what is not acknowledged."""
        for partition in partitions:
            self._pending.pop(partition, None)

    async def run(self) -> None:
        """Confirm until cancelled."""
        while True:
            begun_s = [pending[0].since_s for pending in self._pending.values() if pending]
            if not begun_s:
                self._came.clear()
                await self._came.wait()
                continue
            await asyncio.sleep(max(min(begun_s) + CONFIRM_AFTER_S - self._clock.monotonic(), 0.01))
            for partition in list(self._pending):
                await self.confirm(partition)

    async def confirm(self, partition: int) -> None:
        """Look again at what is old enough, and acknowledge it."""
        async with self._locks[partition]:
            pending = self._pending[partition]
            until_s = self._clock.monotonic() - CONFIRM_AFTER_S
            old = [p for p in pending if p.since_s <= until_s]
            if not await self._are_held(old):
                await self._restore(partition)
            elif pending is self._pending[partition]:  # no rebalance came in between
                for _ in old:
                    pending.popleft().ack()

    async def _are_held(self, pending: Iterable[_Pending]) -> bool:
        for p in list(pending):
            if not await self._handler.holds(p.record):
                return False
        return True

    async def _restore(self, partition: int) -> None:
        """Crash in between: as everywhere here."""
        lost = list(self._pending[partition])
        _log.warning("alerter.records_restored", partition=partition, records=len(lost))
        restored: deque[_Pending] = deque()
        for p in lost:
            await self._handler.handle(p.record)
            self._metrics.restored.inc()
            restored.append(p._replace(since_s=self._clock.monotonic()))
        if partition in self._pending:  # no rebalance came in between
            self._pending[partition] = restored
