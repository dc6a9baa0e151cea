"""The plan of a replay: which events, then which tick. Pure, so that the replay and the offline fold agree on it.

Ticks stand at whole multiples of the interval in event time. The tick at T comes after every event before T and ahead
of every event at or after T: the half-open window `[T - window, T)` then holds what has been sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kenko.backtest.event_file import FileEvent

DAY_MS = 86_400_000
QUIET_MS = 30 * DAY_MS
"""After this long without any event the ticks come daily: one event of 1970 does not cost half a million ticks."""
CHUNK = 2_000


class Send(NamedTuple):
    """Events to send, in order. All must be acknowledged before the next tick."""

    events: tuple[FileEvent, ...]
    newest_ms: int
    """Time of the newest of them that may move the time."""


class TickAll(NamedTuple):
    """A tick for every partition."""

    time_ms: int


Step = Send | TickAll


def plan(
    events: Iterable[FileEvent],
    *,
    interval_ms: int,
    until_ms: int | None = None,
    not_after_ms: int | None = None,
    chunk: int = CHUNK,
) -> Iterator[Step]:
    """Events and ticks of a file whose events are in the order of their times.

    Args:
        events: in the order of their times.
        interval_ms: event time between two ticks.
        until_ms: the last tick is at this time, whether the events end before or after it. An event at or after it
            is left out. Without it, the last tick is the first one after the last event.
        not_after_ms: an event later than this is in the future. Ingest will refuse it, so it is sent (to be
            refused with its reason) but must not move the time.
        chunk: most events in one step.
    """
    held: list[FileEvent] = []
    future: list[FileEvent] = []
    tick_ms: int | None = None  # the next one
    last_ms = 0  # the newest event
    for event in events:
        if not_after_ms is not None and event.time_ms > not_after_ms:
            future.append(event)
            continue
        if until_ms is not None and event.time_ms >= until_ms:
            break
        if tick_ms is None:
            tick_ms = next_multiple(event.time_ms, interval_ms)
        if event.time_ms >= tick_ms:
            yield from _sends(held, last_ms, chunk)
            held = []
            while event.time_ms >= tick_ms:
                yield TickAll(tick_ms)
                tick_ms = following_tick(tick_ms, last_ms, interval_ms)
            tick_ms = min(tick_ms, next_multiple(event.time_ms, interval_ms))  # daily ticks end with the quiet
        last_ms = event.time_ms
        held.append(event)
        if len(held) == chunk:
            yield Send(tuple(held), last_ms)
            held = []
    yield from _sends(held, last_ms, chunk)
    if until_ms is None:
        yield from _sends(future, last_ms, chunk)
    if tick_ms is not None:
        yield from _last_ticks(tick_ms, last_ms, interval_ms, until_ms)


def closing_tick(last_ms: int, interval_ms: int) -> TickAll:
    """The tick that ends a replay which was stopped after events, the newest of them at `last_ms`."""
    return TickAll(next_multiple(last_ms, interval_ms))


def settle(time_ms: int, *, accounts: int, due_budget: int) -> list[TickAll]:
    """Further ticks at the same time, until nothing is due at it even if every account was.

    A tick evaluates at most `due_budget` accounts of a partition; time stands still, so none becomes due meanwhile.
    """
    return [TickAll(time_ms)] * -(-accounts // due_budget)


def _last_ticks(tick_ms: int, last_ms: int, interval_ms: int, until_ms: int | None) -> Iterator[Step]:
    if until_ms is None:
        yield TickAll(tick_ms)
        return
    while tick_ms < until_ms:
        yield TickAll(tick_ms)
        tick_ms = following_tick(tick_ms, last_ms, interval_ms)
    yield TickAll(until_ms)


def _sends(events: list[FileEvent], newest_ms: int, chunk: int) -> Iterator[Send]:
    for start in range(0, len(events), chunk):
        yield Send(tuple(events[start : start + chunk]), newest_ms)


def next_multiple(time_ms: int, interval_ms: int) -> int:
    """The first multiple after `time_ms`."""
    return (time_ms // interval_ms + 1) * interval_ms


def following_tick(tick_ms: int, last_ms: int, interval_ms: int) -> int:
    """The tick after the one at `tick_ms`, if no event comes: daily when there was none for long."""
    step = interval_ms if tick_ms - last_ms < QUIET_MS else max(interval_ms, DAY_MS)
    return next_multiple(tick_ms, step)
