"""The bar of a benchmark: what it does right now, and how far that has come. On standard error."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

from kenko.cli.bar import Bar
from kenko.cli.say import err
from kenko.runtime.clock import Clock, SystemClock


class StepBar(Bar):
    """Each step fills it anew."""

    def __init__(self, *, console: Console = err, clock: Clock | None = None) -> None:
        """`clock` None is the machine's."""
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            begins="starting",
            console=console,
            clock=clock or SystemClock(),
        )

    def step(self, what: str, done: float = 0.0) -> None:
        """`done` of this step, 0 to 1."""
        self.show(what, min(done, 1.0), f"{what}: {done:.0%}")

    def stage(self, what: str) -> Callable[[float], None]:
        """Begin a step; the function that this answers is told the share of it that is done."""
        self.step(what)
        return partial(self.step, what)
