"""Crash points: places at which a test lets a process die as by `kill -9`, to see that what follows repeats and loses nothing.

Inert unless KENKO_ENV=test and KENKO_CRASH_AT names one: `commit.before`, or `commit.before:3` for the third time it is
reached. Where the point stands, a comment beside it says what a crash there costs.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from kenko.runtime.errors import ConfigurationError
from kenko.runtime.logging import get_logger

CRASH_AT: Final = "KENKO_CRASH_AT"
ENV: Final = "KENKO_ENV"
TEST: Final = "test"

_log = get_logger(__name__)


class CrashPoint(StrEnum):
    """All there are. A point is reached only where it has something to lose: no commit of nothing, no empty list of outputs."""

    OUTPUTS_BEFORE = "outputs.before"
    """Records are applied in memory, none of their outputs is in Kafka."""
    OUTPUTS_AFTER = "outputs.after"
    """Outputs are in Kafka, the state is not in Redis."""
    TRANSITION_PRODUCED = "transition.produced"
    """As `outputs.after`, and a transition was among the outputs."""
    COMMIT_BEFORE = "commit.before"
    """The commit is packed and not sent."""
    COMMIT_AFTER = "commit.after"
    """Redis has it, this process has drawn nothing from it: Kafka's offset does not follow yet."""
    SNAPSHOT_PRODUCED = "snapshot.produced"
    """Snapshots of rows are in Kafka, their marker is not."""
    ALERT_CLAIMED = "alert.claimed"
    """The delivery is under its lease, nothing was sent."""
    ALERT_BEFORE_SEND = "alert.before_send"
    """About to call the receiver."""
    ALERT_ANSWERED = "alert.answered"
    """The receiver answered 2xx, no record says so."""
    ALERT_RECORDED = "alert.recorded"
    """The record stands; metrics and log do not know."""


def die() -> None:
    """As `kill -9`: no handler, no flush, nothing is tidied up."""
    os.kill(os.getpid(), signal.SIGKILL)


class Crasher:
    """Dies when `point` is reached for the `count`th time; never where `point` is None."""

    def __init__(self, point: CrashPoint | None = None, count: int = 1, *, end: Callable[[], None] = die) -> None:
        self.point = point
        self._left = count
        self._end = end

    def reached(self, point: CrashPoint) -> None:
        if point is not self.point:
            return
        self._left -= 1
        if self._left == 0:
            self._end()


def read_crasher(environ: Mapping[str, str], *, end: Callable[[], None] = die) -> Crasher:
    """What KENKO_CRASH_AT asks for. Outside a test it is told, and does nothing.

    Raises:
        ConfigurationError: no such point, or no such count.
    """
    asked = environ.get(CRASH_AT, "")
    if not asked:
        return Crasher()
    if environ.get(ENV) != TEST:
        _log.warning("runtime.crash_point_ignored", mend=f"unset {CRASH_AT}: it works only where {ENV}={TEST}")
        return Crasher()
    name, _, count = asked.partition(":")
    try:
        point = CrashPoint(name)
    except ValueError:
        raise ConfigurationError(f"  {CRASH_AT}={asked}: must be one of {', '.join(CrashPoint)}.") from None
    if count and not (count.isascii() and count.isdigit() and int(count) > 0):
        raise ConfigurationError(f"  {CRASH_AT}={asked}: after the colon stands a number from 1.")
    return Crasher(point, int(count or 1), end=end)


_crasher = Crasher()


def arm(environ: Mapping[str, str]) -> None:
    """Once, when a service starts.

    Raises:
        ConfigurationError: KENKO_CRASH_AT means nothing.
    """
    global _crasher  # noqa: PLW0603 - one a process, as the signal that ends it
    _crasher = read_crasher(environ)


def crash_point(point: CrashPoint) -> None:
    """Here a test may let the process die. Otherwise it costs one comparison."""
    _crasher.reached(point)
