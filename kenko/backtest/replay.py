"""Play a plan against the running services: events over HTTP, ticks into every partition, at a chosen speed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from kenko.backtest.plan import Send, Step, TickAll, closing_tick, settle
from kenko.backtest.sender import EventSender
from kenko.backtest.ticks import Ticks
from kenko.model.limits import DUE_BUDGET
from kenko.runtime.clock import Clock, SystemClock


@dataclass
class Progress:
    """Where a replay stands."""

    cursor_ms: int | None = None
    """Newest tick written."""
    steps: int = 0
    """Steps of the plan that were played."""
    events: int = 0
    """Events answered for, accepted or not."""
    ticks: int = 0
    newest_ms: int = 0
    """Time of the newest event sent."""
    accounts: set[str] = field(default_factory=set)
    closing: tuple[TickAll, ...] = ()
    """Ticks after the last step of the plan that was played."""


@dataclass(frozen=True)
class Pace:
    """How the time of the events passes."""

    interval_ms: int
    """Event time between two ticks."""
    speed: float | None = None
    """Event time per wall time; None is as fast as it goes."""
    stop_after_s: float | None = None
    """Wall time it may take."""
    due_budget: int = DUE_BUDGET
    """Accounts that the scorer evaluates at one tick of one partition."""


class Replay:
    """One run of one plan."""

    def __init__(
        self,
        sender: EventSender,
        ticks: Ticks,
        *,
        pace: Pace,
        clock: Clock | None = None,
    ) -> None:
        self._sender = sender
        self._ticks = ticks
        self._pace = pace
        self._clock = clock or SystemClock()
        self.progress = Progress()

    async def play(self, steps: Iterable[Step], *, report: Callable[[Progress], None] | None = None) -> Progress:
        """Play to the end, or until the time is up, and then tick until nothing is due.

        Raises:
            TransientError: ingest or Kafka stayed away.
            PermanentError: ingest refuses everything.
        """
        progress = self.progress
        tell = report or (lambda _: None)
        last: Step | None = None
        async for step in self._in_time(steps):
            await self._play(step)
            progress.steps += 1
            last = step
            tell(progress)
        closing = [closing_tick(progress.newest_ms, self._pace.interval_ms)] if isinstance(last, Send) else []
        end_ms = closing[0].time_ms if closing else progress.cursor_ms
        if end_ms is not None:
            closing += settle(end_ms, accounts=len(progress.accounts), due_budget=self._pace.due_budget)
        progress.closing = tuple(closing)
        for tick in closing:
            await self._play(tick)
        tell(progress)
        return progress

    async def _play(self, step: Step) -> None:
        progress = self.progress
        if isinstance(step, TickAll):
            # Every event before it has been acknowledged: `send` waits for that.
            await self._ticks.write(step.time_ms)
            progress.ticks += 1
            progress.cursor_ms = step.time_ms
            return
        await self._sender.send(step.events)
        progress.events += len(step.events)
        progress.accounts.update(event.account_id for event in step.events)
        progress.newest_ms = max(progress.newest_ms, step.newest_ms)

    async def _in_time(self, steps: Iterable[Step]) -> AsyncIterator[Step]:
        """The steps, each no sooner than the speed says; ends when the time is up."""
        start_s = self._clock.monotonic()
        first_ms: int | None = None
        for step in steps:
            time_ms = step.time_ms if isinstance(step, TickAll) else step.newest_ms
            first_ms = time_ms if first_ms is None else first_ms
            if self._pace.speed is not None:
                early_s = start_s + (time_ms - first_ms) / 1000 / self._pace.speed - self._clock.monotonic()
                await asyncio.sleep(max(0.0, early_s))
            if self._pace.stop_after_s is not None and self._clock.monotonic() - start_s >= self._pace.stop_after_s:
                return
            yield step
