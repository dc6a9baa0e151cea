"""Lines that are no events: all are counted, the first ones kept."""

from __future__ import annotations

from dataclasses import dataclass, field

from kenko.backtest.event_file import BadLine

KEPT = 100


@dataclass
class BadLines:
    """The bad lines of one file."""

    file: str
    """Its name, for messages."""
    count: int = 0
    first: list[BadLine] = field(default_factory=list)
    """The first `KEPT` of them."""

    def add(self, line: int, message: str) -> None:
        """One more."""
        self.count += 1
        if len(self.first) < KEPT:
            self.first.append(BadLine(line, message))
