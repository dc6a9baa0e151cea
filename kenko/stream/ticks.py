"""TickWriter: carries the wall time into the log, for the partitions this process owns (`time: wall`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Final
from uuid import uuid4

from kenko.dialects.cloudevents import encode_tick
from kenko.runtime.clock import Clock
from kenko.runtime.errors import PermanentError, TransientError
from kenko.runtime.logging import get_logger
from kenko.stream.observer import StreamObserver
from kenko.stream.producer import Output, OutRecord
from kenko.stream.reader import PartitionReader

TICK_SOURCE: Final = "kenko/scorer"
IDLE_INTERVAL_MS: Final = 60_000

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
    ) -> None:
        self._reader = reader
        self._output = output
        self._topic = topic
        self._interval_ms = interval_ms
        self._clock = clock
        self._observer = observer
        self._fresh_id = fresh_id
        self._last_tick_ms: dict[int, int] = {}
        self._arrived: set[int] = set()
        self.last_offsets: dict[int, int] = {}
        """Partition -> offset of the last tick written: the log reaches at least that far."""
        self.trouble = ""
        """Why the last ticks were not written; empty if they were."""

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._interval_ms / 1000)
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
                last_tick_ms=self._last_tick_ms.get(partition),
                interval_ms=self._interval_ms,
                arrived=partition in self._arrived,
                next_due_ms=runner.next_due_ms,
            )
            if reason is not TickReason.NONE:
                reasons[partition] = reason
        offsets = await self._output.send([self._record(partition, now_ms) for partition in reasons])
        if reasons:
            self.trouble = ""
        for (partition, reason), offset in zip(reasons.items(), offsets, strict=True):
            self._last_tick_ms[partition] = now_ms
            self.last_offsets[partition] = offset
            self._arrived.discard(partition)
            self._observer.tick_written(reason)

    def _record(self, partition: int, now_ms: int) -> OutRecord:
        record = encode_tick(now_ms, source=TICK_SOURCE, id=self._fresh_id())
        return OutRecord(
            topic=self._topic, key=record.key, value=record.value, headers=tuple(record.headers), partition=partition
        )
