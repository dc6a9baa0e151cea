"""Watchdog: ends a process that lives but does nothing, so that it is started again.

Seen in the field: heartbeats fail, the process lives, nothing flows; Faust only logs it. Our own ticks tell: one is
written into every owned partition at least once a minute, and a partition that does not come to it is stuck. So is a
consumer whose offsets Kafka no longer takes, though what it reads is applied.
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
from typing import Final, NamedTuple

from kenko.runtime.clock import Clock
from kenko.runtime.logging import get_logger

LIMIT_S: Final = 90.0
"""Longer than any rebalance; a stuck process is back within two minutes."""
LOOK_EVERY_S: Final = 5.0

_log = get_logger(__name__)


class Commit(NamedTuple):
    """How Kafka's committed offset stands to the fence, which it is to follow within seconds."""

    committed: int | None
    """The last that Kafka took; None: none since we own the partition."""
    fence: int


class Following(NamedTuple):
    """What is remembered of a `Commit` from look to look."""

    seen: Commit
    since_s: float | None = None
    """When the fence first moved while the committed offset stood; None: it has not."""


@dataclass(frozen=True)
class Snapshot:
    """What the event loop says of itself, once a second."""

    at_s: float
    """Monotonic time it was taken."""
    waiting: bool = False
    """Something waits Redis or Kafka out: that counts as alive."""
    behind: Mapping[int, int] = field(default_factory=dict)
    """Partition -> next offset to apply (-1: not known), of those that have not come to their last tick yet."""
    commits: Mapping[int, Commit] = field(default_factory=dict)
    """By partition."""


class Verdict(StrEnum):
    """What the watchdog thinks."""

    ALIVE = "alive"
    LOOP_STUCK = "loop_stuck"
    """The event loop took no snapshot for too long."""
    STALLED = "stalled"
    """A partition has records and does not move."""
    UNCOMMITTED = "uncommitted"
    """A fence moves, and Kafka takes no offset: the group has lost us, and may have given the partition away."""


@dataclass(frozen=True)
class Watch:
    """What is remembered from look to look."""

    looked_s: float
    stalls: Mapping[int, tuple[int, float]] = field(default_factory=dict)
    """Where each partition that is behind stands, and since when."""
    following: Mapping[int, Following] = field(default_factory=dict)


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
    following = {p: _follow(watch.following.get(p), commit, now_s) for p, commit in seen.commits.items()}
    looked = Watch(now_s, stalls, following)
    if any(now_s - since_s > limit_s for _, since_s in stalls.values()):
        return Verdict.STALLED, looked
    # A fence that stands tells nothing: with Kafka away none moves, and that is waited out.
    moved = [f for p, f in following.items() if p in watch.following and f.seen.fence != watch.following[p].seen.fence]
    if any(f.since_s is not None and now_s - f.since_s > limit_s for f in moved):
        return Verdict.UNCOMMITTED, looked
    return Verdict.ALIVE, looked


def _follow(before: Following | None, now: Commit, now_s: float) -> Following:
    if before is None or now.committed != before.seen.committed or now.committed == now.fence:
        return Following(now)
    if before.since_s is None and now.fence != before.seen.fence:
        return Following(now, now_s)
    return Following(now, before.since_s)


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
        self.seen = Snapshot(at_s=clock.monotonic())
        """The newest snapshot."""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def tell(self, *, waiting: bool, behind: Mapping[int, int], commits: Mapping[int, Commit]) -> None:
        """A new snapshot; from the event loop."""
        now_s = self._clock.monotonic()
        self.seen = Snapshot(at_s=now_s, waiting=waiting, behind=dict(behind), commits=dict(commits))

    def _run(self) -> None:
        watch = Watch(self._clock.monotonic())
        while not self._stopped.wait(min(LOOK_EVERY_S, self._limit_s / 4)):
            verdict, watch = look(watch, self.seen, self._clock.monotonic(), self._limit_s)
            if verdict is not Verdict.ALIVE:
                self._end(verdict)
                return
