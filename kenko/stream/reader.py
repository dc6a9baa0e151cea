"""PartitionReader: the runners of the partitions this process owns. Faust's transport tells it what is ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from kenko.runtime.errors import TransientError
from kenko.runtime.logging import get_logger
from kenko.stream.observer import StreamObserver
from kenko.stream.runner import PartitionRunner
from kenko.stream.watchdog import Commit

DRAIN_LIMIT_S: Final = 5.0

MakeRunner = Callable[[int], PartitionRunner | None]
"""None: this partition is not to be read, and whoever says so ends the process."""

_log = get_logger(__name__)


class PartitionReader:
    """Implements the transport's `BatchedTopics` for one topic."""

    def __init__(
        self, topic: str, make_runner: MakeRunner, observer: StreamObserver, *, position_limit_s: float
    ) -> None:
        self.names: Collection[str] = frozenset({topic})
        self._make_runner = make_runner
        self._observer = observer
        self._position_limit_s = position_limit_s
        self._runners: dict[int, PartitionRunner] = {}
        self.assigned_once = False
        """An assignment has come, even an empty one."""

    def owned(self) -> Iterator[tuple[int, PartitionRunner]]:
        """The runners that stand at their fence."""
        return ((p, r) for p, r in sorted(self._runners.items()) if r.positioned.is_set())

    def behind(self, ends: Mapping[int, int]) -> dict[int, int]:
        """Partition -> next offset to apply (-1: not known), of ours that have not passed the offset in `ends` yet."""
        offsets = {p: -1 if r.next_offset is None else r.next_offset for p, r in self._runners.items()}
        return {p: offset for p, offset in offsets.items() if offset <= ends.get(p, -2)}

    def commits(self, committed: Callable[[int], int | None]) -> dict[int, Commit]:
        """How far what Kafka took, as `committed` tells it, follows what it is shown of ours."""
        shown = {p: r.told_below for p, r in self._runners.items()}
        return {p: Commit(committed(p), fence) for p, fence in shown.items() if fence is not None}

    @property
    def all_positioned(self) -> bool:
        """Every partition assigned to us stands at its fence."""
        return self.assigned_once and all(r.positioned.is_set() for r in self._runners.values())

    def deliver(self, event: Any) -> None:
        """Hand a Faust event with a batch to its partition's runner. Never raises: that would end the agent."""
        runner = self._runners.get(event.value.partition)
        if runner is None:  # revoked while it was on its way: the next owner reads it
            event.ack()
            return
        runner.deliver(event.value, event.ack)

    async def positions(self, partitions: Collection[int]) -> Mapping[int, int]:
        self.assigned_once = True
        await self._stop(set(self._runners) - set(partitions))
        again = [self._runners[p] for p in partitions if p in self._runners]
        for partition in sorted(set(partitions) - set(self._runners)):
            if (runner := self._make_runner(partition)) is not None:
                self._runners[partition] = runner
                runner.start()
        for runner in again:
            try:
                await runner.seek_again()
            except TransientError as error:  # it will see a gap and seek by itself
                _log.info("scorer.seek_postponed", error=str(error))
        await self._wait_positioned(partitions)
        offsets = {p: self._runners[p].next_offset for p in partitions if p in self._runners}
        return {p: offset for p, offset in offsets.items() if offset is not None}

    async def revoked(self, partitions: Collection[int]) -> None:
        await self._stop(partitions)

    def fence(self, partition: int) -> int | None:
        runner = self._runners.get(partition)
        return None if runner is None else runner.told_below

    async def drain(self, limit_s: float) -> None:
        """Commit what is applied, everywhere, and take nothing more; for an orderly end. Fences stay readable."""
        await asyncio.gather(*(runner.stop(limit_s) for runner in self._runners.values()))

    async def _stop(self, partitions: Collection[int]) -> None:
        stopped = {p: self._runners.pop(p) for p in partitions if p in self._runners}
        await asyncio.gather(*(runner.stop(DRAIN_LIMIT_S) for runner in stopped.values()))
        for partition in stopped:
            self._observer.released(partition)

    async def _wait_positioned(self, partitions: Collection[int]) -> None:
        """Wait for the fences, but never so long that Faust's recovery gives up: a late one seeks by itself."""
        waits = [self._runners[p].positioned.wait() for p in partitions if p in self._runners]
        try:
            async with asyncio.timeout(self._position_limit_s):
                await asyncio.gather(*waits)
        except TimeoutError:
            late = [p for p in partitions if p in self._runners and not self._runners[p].positioned.is_set()]
            _log.warning("scorer.positions_late", partitions=late, limit_s=self._position_limit_s)
