"""TickWriter: carries the wall time into the log, for the partitions this process owns (`time: wall`).

The partitions take turns: their ticks are spread evenly over the interval. One process scores partition after partition,
so with all ticks at once the last partition's alerts would wait for the work of all the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from math import ceil
from typing import Final
from uuid import uuid4

from kenko.dialects.cloudevents import encode_tick
from kenko.runtime.clock import Clock
from kenko.runtime.errors import PermanentError, TransientError
from kenko.runtime.logging import get_logger
from kenko.stream.observer import StreamObserver
from kenko.stream.producer import Output, OutRecord
from kenko.stream.reader import PartitionReader
from kenko.stream.runner import PartitionRunner

TICK_SOURCE: Final = "kenko/scorer"
IDLE_INTERVAL_MS: Final = 60_000
SHORTEST_PAUSE_MS: Final = 10
"""With very many partitions the turns that begin within this time are taken together."""

_log = get_logger(__name__)


def fresh_id() -> str:
    """An id that nobody else gives."""
    return uuid4().hex


class TickReason(StrEnum):
    """Why a tick is written, or none."""

    ARRIVED = "arrived"
    """A record other than a tick came: its account is to be scored."""
    DUE = "due"
    """Passing time can move an account."""
    IDLE = "idle"
    """Nothing happened for a minute: time goes on all the same."""
    NONE = "none"
    """Not yet."""


def should_tick(
    *, now_ms: int, last_tick_ms: int | None, interval_ms: int, arrived: bool, next_due_ms: int | None
) -> TickReason:
    """Whether a partition gets a tick at `now_ms`; `last_tick_ms` is when this process last wrote one into it."""
    since_ms = interval_ms if last_tick_ms is None else now_ms - last_tick_ms
    if 0 <= since_ms < interval_ms:  # a clock that was set back must not stop the ticks
        return TickReason.NONE
    if arrived:
        return TickReason.ARRIVED
    if next_due_ms is not None and next_due_ms <= now_ms:
        return TickReason.DUE
    if last_tick_ms is None or not 0 <= since_ms < IDLE_INTERVAL_MS:
        return TickReason.IDLE
    return TickReason.NONE


def turn_start(now_ms: int, partition: int, partitions: int, interval_ms: int) -> int:
    """When the turn of this partition began that lasts at `now_ms`. A turn lasts one interval; wall time alone decides,
    so that the partitions of several processes are spread as those of one.
    """
    phase_ms = partition * interval_ms // partitions
    return now_ms - (now_ms - phase_ms) % interval_ms


def pause_ms(now_ms: int, partitions: int, interval_ms: int) -> int:
    """Milliseconds until a turn of some partition has begun; above 0."""
    beat_ms = max(interval_ms / partitions, SHORTEST_PAUSE_MS)
    return ceil(beat_ms - now_ms % beat_ms)


class TickWriter:
    """Writes ticks until cancelled. A tick that cannot be written is left out: time stands still, nothing is wrong."""

    def __init__(  # noqa: PLR0913 - the ports it works with, by keyword
        self,
        *,
        reader: PartitionReader,
        output: Output,
        topic: str,
        interval_ms: int,
        clock: Clock,
        observer: StreamObserver,
        fresh_id: Callable[[], str] = fresh_id,
        partitions: int = 1,
    ) -> None:
        """`partitions`: of the topic, ours and others': they take turns."""
        self._partitions = partitions
        self._reader = reader
        self._output = output
        self._topic = topic
        self._interval_ms = interval_ms
        self._clock = clock
        self._observer = observer
        self._fresh_id = fresh_id
        self._last_turn_ms: dict[int, int] = {}
        """By partition: when the turn began in which its last tick was written."""
        self._arrived: set[int] = set()
        self.last_offsets: dict[int, int] = {}
        """Partition -> offset of the last tick written: the log reaches at least that far."""
        self.trouble = ""
        """Why the last ticks were not written; empty if they were."""

    async def run(self) -> None:
        while True:
            await asyncio.sleep(pause_ms(self._clock.now_ms(), self._partitions, self._interval_ms) / 1000)
            try:
                await self.write(self._clock.now_ms())
            except TransientError as error:
                self.trouble = str(error)
                _log.warning("scorer.tick_failed", error=str(error))
            except PermanentError as error:
                self.trouble = str(error)
                _log.error("scorer.tick_refused", error=str(error), reason=error.reason)

    async def write(self, now_ms: int) -> None:
        """Write the ticks that are due at `now_ms`."""
        reasons: dict[int, TickReason] = {}
        for partition, runner in self._reader.owned():
            if runner.take_arrived():
                self._arrived.add(partition)  # kept until a tick is acknowledged
            reason = should_tick(
                now_ms=now_ms,
                last_tick_ms=self._last_turn_ms.get(partition),
                interval_ms=self._interval_ms,
                arrived=partition in self._arrived,
                next_due_ms=runner.next_due_ms,
            )
            # While the last tick waits to be worked off, another one would only make those behind it wait longer.
            if reason is TickReason.IDLE or (reason is not TickReason.NONE and self._is_worked_off(partition, runner)):
                reasons[partition] = reason
        offsets = await self._output.send([self._record(partition, now_ms) for partition in reasons])
        if reasons:
            self.trouble = ""
        for (partition, reason), offset in zip(reasons.items(), offsets, strict=True):
            self._last_turn_ms[partition] = turn_start(now_ms, partition, self._partitions, self._interval_ms)
            self.last_offsets[partition] = offset
            self._arrived.discard(partition)
            self._observer.tick_written(reason)

    def _is_worked_off(self, partition: int, runner: PartitionRunner) -> bool:
        """Whether the last tick we wrote into the partition is applied."""
        return (runner.next_offset or 0) > self.last_offsets.get(partition, -1)

    def _record(self, partition: int, now_ms: int) -> OutRecord:
        record = encode_tick(now_ms, source=TICK_SOURCE, id=self._fresh_id())
        return OutRecord(
            topic=self._topic, key=record.key, value=record.value, headers=tuple(record.headers), partition=partition
        )
