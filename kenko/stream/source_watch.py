"""SourceWatch: looks over all partitions for sources that fell silent, and writes it into every partition (`time: wall`).

It runs where partition 0 is, so in one process; were it two for a moment, both would write the same. What partitions know
and what their accounts were told comes with their fences: there is nothing here to lose, and a crash between two
partitions is mended at the next look. A record written twice changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from kenko.dialects.own_records import encode_source_state
from kenko.engine.freshness import ALL_SOURCES
from kenko.engine.source_rhythm import USUAL, SourceRhythm
from kenko.engine.source_silence import Known, changes, decide, log_time
from kenko.runtime.clock import Clock
from kenko.runtime.errors import PermanentError, TransientError
from kenko.runtime.logging import get_logger
from kenko.store.port import Fence
from kenko.stream.observer import StreamObserver
from kenko.stream.producer import Output, OutRecord
from kenko.stream.reader import PartitionReader
from kenko.stream.ticks import fresh_id
from schemas.base import from_ms
from schemas.source_state import SourceState

WRITER: Final = "kenko/scorer"
WATCHING_PARTITION: Final = 0

Fences = Callable[[], Awaitable[Mapping[int, Fence | None]]]
"""Where every partition stands. Raises TransientError and PermanentError."""

_log = get_logger(__name__)


@dataclass(frozen=True)
class WatchPlan:
    """When to look, and what counts as silence."""

    rhythm: SourceRhythm = USUAL
    every_s: float = 60.0
    """Seconds between two looks."""
    again_s: float = 5.0
    """While a source is silent: what it feeds is held until its return is noticed."""


USUAL_WATCH: Final = WatchPlan()


class SourceWatch:
    """Looks until cancelled. A look that fails is left out: whoever is silent stays so, and nobody new is."""

    def __init__(  # noqa: PLR0913 - the ports it works with, by keyword
        self,
        *,
        reader: PartitionReader,
        fences: Fences,
        output: Output,
        topic: str,
        clock: Clock,
        observer: StreamObserver,
        plan: WatchPlan = USUAL_WATCH,
        fresh_id: Callable[[], str] = fresh_id,
    ) -> None:
        self._reader = reader
        self._fences = fences
        self._output = output
        self._topic = topic
        self._clock = clock
        self._observer = observer
        self._plan = plan
        self._fresh_id = fresh_id
        self._silent: dict[str, int] = {}
        self._looked = False

    async def run(self) -> None:
        while True:
            soon = self._silent or not self._looked  # after a start the metric must not lag behind for long
            await asyncio.sleep(self._plan.again_s if soon else self._plan.every_s)
            self._looked = True
            try:
                await self.look()
            except TransientError as error:
                _log.warning("scorer.source_look_failed", error=str(error))
            except PermanentError as error:
                _log.error("scorer.source_look_refused", error=str(error), reason=error.reason)

    async def look(self) -> None:
        """Decide, and tell the partitions that do not know it yet. Nothing, where partition 0 is another's."""
        if all(partition != WATCHING_PARTITION for partition, _ in self._reader.owned()):
            self._silent = {}
            self._observer.silent(())
            return
        partitions = {partition: _known(fence) for partition, fence in (await self._fences()).items()}
        now_ms = log_time(list(partitions.values()), self._clock.now_ms())
        if now_ms is None:  # the metric stays as it is, too
            return
        silent = decide(self._plan.rhythm, list(partitions.values()), now_ms)
        records = [
            self._record(partition, source, since_ms)
            for partition, known in partitions.items()
            for source, since_ms in changes(known, silent).items()
        ]
        # A crash before or in this leaves partitions that were not told; their fences say so at the next look.
        await self._output.send(records)
        self._tell(silent)

    def _tell(self, silent: dict[str, int]) -> None:
        for source in silent.keys() - self._silent.keys():
            _log.warning("scorer.source_silent", source=source or "*", since=from_ms(silent[source]).isoformat())
        for source in self._silent.keys() - silent.keys():
            since = from_ms(self._silent[source]).isoformat()
            _log.info("scorer.source_back", source=source or "*", silent_since=since)
        self._silent = silent
        self._observer.silent(silent)

    def _record(self, partition: int, source: str, since_ms: int | None) -> OutRecord:
        state = SourceState(
            source=None if source == ALL_SOURCES else source,
            silent_since=None if since_ms is None else from_ms(since_ms),
        )
        time = from_ms(self._clock.now_ms())
        record = encode_source_state(state, time=time, source=WRITER, id=self._fresh_id())
        return OutRecord(
            topic=self._topic, key=record.key, value=record.value, headers=tuple(record.headers), partition=partition
        )


def _known(fence: Fence | None) -> Known:
    return Known(None, {}, {}) if fence is None else Known(fence.now_ms, fence.heard, fence.silent)
