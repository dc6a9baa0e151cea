"""Golden tests of a model, as values: what its own file expects of it."""

from __future__ import annotations

from msgspec import Struct

from kenko.model.signal_spec import Comparison, Scalar


class GoldenEvent(Struct, frozen=True):
    """An event written in the model's file, once or again and again. Times are from the test's beginning."""

    event: str
    at_ms: int
    user_id: str | None = None
    source: str | None = None
    """Who sent it; None: the test itself."""
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


class GoldenTraits(Struct, frozen=True):
    """A record of traits, as `kenko.traits.v1` tells them. None: that trait is no longer known."""

    traits: tuple[tuple[str, Scalar | None], ...]
    at_ms: int

    @property
    def times(self) -> int:
        """It stands for itself."""
        return 1


class GoldenOverride(Struct, frozen=True):
    """A score that a person sets, as `kenko.override.v1` tells it."""

    score: float | None
    """0 to 100; None lifts an override."""
    at_ms: int
    until_ms: int | None = None
    """When it ends by itself; None: not before it is lifted."""

    @property
    def times(self) -> int:
        """It stands for itself."""
        return 1


GoldenRecord = GoldenEvent | GoldenTraits | GoldenOverride


class GoldenTest(Struct, frozen=True):
    """Events and records, a time to look at, and what must be so then. What is None or empty is not looked at."""

    name: str
    line: int
    """Where it stands in the file."""
    file: str | None
    """Events in a file, its path from the model's own; None: `events`."""
    events: tuple[GoldenRecord, ...]
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
