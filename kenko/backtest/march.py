"""March: folds through a history, tick by tick, with a stop at each time that is to be looked at.

Ticks stand where `plan` puts them. A stop at T comes after the tick at T, if there is one, and ahead of every event at
or after T: what is seen there is what a dashboard would have shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kenko.backtest.history_csv import Timed
from kenko.backtest.memory_fold import GATHERED, MemoryFold
from kenko.backtest.plan import following_tick, next_multiple
from schemas.transition import Transition

HOUR_MS = 3_600_000


class Ticked(NamedTuple):
    """A tick was taken by every fold. It is told some thousand events later, but ahead of the next stop."""

    time_ms: int
    transitions: tuple[list[Transition], ...]
    """What it caused, by fold."""


class Stop(NamedTuple):
    """Look at the folds now."""

    time_ms: int


@dataclass(frozen=True)
class Pace:
    """Times are milliseconds since 1970-01-01 UTC."""

    interval_ms: int = HOUR_MS
    """Event time between two ticks."""
    until_ms: int | None = None
    """The last tick; an event at or after it is left out. None: the first tick after the last event."""


class March:
    """One way through a history."""

    def __init__(self, folds: Sequence[MemoryFold], pace: Pace, stops: Sequence[int] = ()) -> None:
        """`stops` in order."""
        self._folds = folds
        self._pace = pace
        self._stops = list(reversed(stops))
        self.events = 0
        """Applied so far."""

    def through(self, history: Iterator[Timed]) -> Iterator[Ticked | Stop]:
        """Apply everything. Must be consumed to the end."""
        interval_ms, until_ms = self._pace.interval_ms, self._pace.until_ms
        applies = [fold.apply for fold in self._folds]
        apply = applies[0] if len(applies) == 1 else None
        tick_ms: int | None = None
        border_ms = last_ms = 0
        events = 0
        for time_ms, event in history:
            if time_ms >= border_ms or tick_ms is None:
                if until_ms is not None and time_ms >= until_ms:
                    break
                self.events = events
                if tick_ms is None:
                    tick_ms = next_multiple(time_ms, interval_ms)
                while time_ms >= tick_ms:
                    yield from self._tick(tick_ms)
                    tick_ms = following_tick(tick_ms, last_ms, interval_ms)
                if self._folds[0].gathered >= GATHERED:
                    yield from self._flush()
                tick_ms = min(tick_ms, next_multiple(time_ms, interval_ms))  # daily ticks end with the quiet
                yield from self._stops_before(time_ms + 1)
                border_ms = min(tick_ms, self._stops[-1] if self._stops else tick_ms)
                border_ms = border_ms if until_ms is None else min(border_ms, until_ms)
            last_ms = time_ms
            events += 1
            if apply is not None:
                apply(time_ms, event)
            else:
                for each in applies:
                    each(time_ms, event)
        self.events = events
        if tick_ms is not None:
            yield from self._close(tick_ms, last_ms)
            yield from self._flush()

    def _close(self, tick_ms: int, last_ms: int) -> Iterator[Ticked | Stop]:
        until_ms = self._pace.until_ms
        if until_ms is None:
            yield from self._tick(tick_ms)
            return
        while tick_ms < until_ms:
            yield from self._tick(tick_ms)
            tick_ms = following_tick(tick_ms, last_ms, self._pace.interval_ms)
        yield from self._tick(until_ms)
        yield from self._stops_before(until_ms + 1)

    def _tick(self, time_ms: int) -> Iterator[Ticked | Stop]:
        yield from self._stops_before(time_ms)
        for fold in self._folds:
            fold.tick(time_ms)

    def _flush(self) -> Iterator[Ticked]:
        """The ticks that were gathered, each with what it caused in every fold."""
        for ticks in zip(*(fold.flush() for fold in self._folds), strict=True):
            yield Ticked(ticks[0][0], tuple(transitions for _, transitions in ticks))

    def _stops_before(self, time_ms: int) -> Iterator[Ticked | Stop]:
        while self._stops and self._stops[-1] < time_ms:
            yield from self._flush()
            yield Stop(self._stops.pop())
