"""Golden tests of a model, as values: what its own file expects of it."""

from __future__ import annotations

from msgspec import Struct

from kenko.model.signal_spec import Comparison, Scalar


class GoldenEvent(Struct, frozen=True):
    """An event written in the model's file, once or again and again. Times are from the test's beginning."""

    event: str
    at_ms: int
    user_id: str | None = None
    properties: tuple[tuple[str, Scalar], ...] = ()
    every_ms: int | None = None
    """Repeat at this distance, up to and with `until_ms`."""
    until_ms: int | None = None

    @property
    def times(self) -> int:
        """How many events it stands for."""
        if self.every_ms is None or self.until_ms is None:
            return 1
        return max(0, self.until_ms - self.at_ms) // self.every_ms + 1


class GoldenTest(Struct, frozen=True):
    """Events, a time to look at, and what must be so then. What is None or empty is not looked at."""

    name: str
    line: int
    """Where it stands in the file."""
    file: str | None
    """Events in a file, its path from the model's own; None: `events`."""
    events: tuple[GoldenEvent, ...]
    account: str | None
    """Which account of the file; None: the only one there is."""
    at_ms: int
    """From the time of the first event of a file, or from the beginning that events written in place count from."""
    zone: str | None = None
    """red, yellow, green or none."""
    standing: str | None = None
    score: tuple[Comparison, ...] = ()
    rules: tuple[str, ...] | None = None
    """Exactly these rules hold."""
    profile: str | None = None
