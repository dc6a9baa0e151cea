"""Watchdog: ends a process that lives but does nothing, so that it is started again.

Seen in the field: heartbeats fail, the process lives, nothing flows; Faust only logs it. Our own ticks tell: one is
written into every owned partition at least once a minute, and a partition that does not come to it is stuck.
It runs in a thread of its own, because what is stuck may be the event loop.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from kenko.runtime.clock import Clock
from kenko.runtime.logging import get_logger

LIMIT_S: Final = 90.0
"""Longer than any rebalance; a stuck process is back within two minutes."""
LOOK_EVERY_S: Final = 5.0

_log = get_logger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """What the event loop says of itself, once a second."""

    at_s: float
    """Monotonic time it was taken."""
    waiting: bool = False
    """Something waits Redis or Kafka out: that counts as alive."""
    behind: Mapping[int, int] = field(default_factory=dict)
    """Partition -> next offset to apply (-1: not known), of those that have not come to their last tick yet."""


class Verdict(StrEnum):
    """What the watchdog thinks."""

    ALIVE = "alive"
    LOOP_STUCK = "loop_stuck"
    """The event loop took no snapshot for too long."""
    STALLED = "stalled"
    """A partition has records and does not move."""


@dataclass(frozen=True)
class Watch:
    """What is remembered from look to look: since when each partition that is behind stands where it stands."""

    looked_s: float
    stalls: Mapping[int, tuple[int, float]] = field(default_factory=dict)


def look(watch: Watch, seen: Snapshot, now_s: float, limit_s: float = LIMIT_S) -> tuple[Verdict, Watch]:
    """Judge `seen` at `now_s`; the second value is the `watch` of the next look."""
    if now_s - watch.looked_s > limit_s / 2:
        return Verdict.ALIVE, Watch(now_s)  # this thread stood still too: the whole process was stopped, and goes on
    if now_s - seen.at_s > limit_s:
        return Verdict.LOOP_STUCK, watch
    if seen.waiting:
        return Verdict.ALIVE, Watch(now_s)
    stalls = {
        partition: watch.stalls[partition]
        if partition in watch.stalls and watch.stalls[partition][0] == offset
        else (offset, now_s)
        for partition, offset in seen.behind.items()
    }
    stuck = any(now_s - since_s > limit_s for _, since_s in stalls.values())
    return (Verdict.STALLED if stuck else Verdict.ALIVE), Watch(now_s, stalls)


def end_process(verdict: Verdict) -> None:
    """Say where every thread stands, and end at once: whatever is stuck would not stop in order."""
    _log.critical("scorer.watchdog_ended_process", verdict=verdict)
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    os._exit(1)


class Watchdog:
    """The thread. `tell` it once a second how things are."""

    def __init__(self, clock: Clock, *, limit_s: float = LIMIT_S, end: Callable[[Verdict], None] = end_process) -> None:
        self._clock = clock
        self._limit_s = limit_s
        self._end = end
        self._seen = Snapshot(at_s=clock.monotonic())
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def tell(self, *, waiting: bool, behind: Mapping[int, int]) -> None:
        """A new snapshot; from the event loop."""
        self._seen = Snapshot(at_s=self._clock.monotonic(), waiting=waiting, behind=dict(behind))

    def _run(self) -> None:
        watch = Watch(self._clock.monotonic())
        while not self._stopped.wait(min(LOOK_EVERY_S, self._limit_s / 4)):
            verdict, watch = look(watch, self._seen, self._clock.monotonic(), self._limit_s)
            if verdict is not Verdict.ALIVE:
                self._end(verdict)
                return
