"""A bar that says how far a command has come; where there is no terminal, a line now and then."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn

from kenko.runtime.clock import Clock, SystemClock
from schemas.base import from_ms

LOG_EVERY_S: Final = 10.0
"""Without a terminal: a line this often."""


class Bar:
    """Context manager. What is printed meanwhile through the same console stands above the bar."""

    def __init__(self, *columns: ProgressColumn, begins: str, console: Console, clock: Clock, **fields: Any) -> None:
        """`columns` may show `fields`; `begins` stands there until the first `show`."""
        self._console = console
        self._clock = clock
        self._began_s = self._logged_s = clock.monotonic()
        self._bars = Progress(*columns, console=console, transient=True)
        self._task = self._bars.add_task(begins, total=1.0, **fields)

    def __enter__(self) -> Self:
        self._began_s = self._logged_s = self._clock.monotonic()
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def elapsed_s(self) -> float:
        """Seconds since it was entered, above 0."""
        return max(self._clock.monotonic() - self._began_s, 0.001)

    def show(self, what: str, done: float, line: str, **fields: Any) -> None:
        """`done` of all, 0 to 1. `line` says the same without a terminal."""
        self._bars.update(self._task, description=what, completed=done, **fields)
        now_s = self._clock.monotonic()
        if not self._console.is_terminal and now_s - self._logged_s >= LOG_EVERY_S:
            self._logged_s = now_s
            self._console.print(line, markup=False, soft_wrap=True)


class HistoryBar(Bar):
    """How far a history has come: the day in event time, how fast, how long still. On standard error, so that standard
    output holds results only.
    """

    def __init__(self, *, console: Console, clock: Clock | None) -> None:
        """`clock` None is the machine's."""
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%  {task.fields[rate]:,.0f} events/s  {task.fields[left]:.0f} s left"),
            TimeElapsedColumn(),
            begins="reading",
            console=console,
            clock=clock or SystemClock(),
            rate=0.0,
            left=0.0,
        )

    def show_day(self, time_ms: int, done: float, *, rate: float, left_s: float) -> None:
        """`done` of all, 0 to 1; the newest event is of `time_ms`."""
        day = from_ms(time_ms).strftime("%Y-%m-%d")
        line = f"{day}  {done:.0%}  {rate:,.0f} events/s  {left_s:.0f} s left"
        self.show(day, min(done, 1.0), line, rate=rate, left=left_s)


def seconds_left(elapsed_s: float, done: float) -> float:
    """What is left at the pace so far; 0 while nothing is known of it."""
    return elapsed_s / done * (1 - done) if done > 0 else 0.0
