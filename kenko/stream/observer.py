"""What a runner tells whoever counts. The scorer's metrics implement it; the labels are closed sets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from schemas.transition import Transition


class StreamObserver(Protocol):
    """Called from the event loop; must not block or raise."""

    def committed(self, partition: int, counts: Mapping[str, int], rows: int) -> None:
        """A commit was applied; `counts` are what it adds to the fence's totals, by outcome."""

    def not_applied(self, source: str, outcome: str, events: int) -> None:
        """So many of the committed events changed nothing, and why: a repeat, too late, …; `source` is their client's word."""

    def refused(self, partition: int) -> None:
        """The store refused a commit: another runner moved the fence, or the store is older or empty."""

    def evaluated(self, accounts: int, seconds: float) -> None:
        """A tick was worked off."""

    def moved(self, to_zone: str) -> None:
        """An account changed its zone; `to_zone` is a zone or "none"."""

    def ruled(self, kind: str, *, holds: bool) -> None:
        """A rule of the model of this kind began to hold, or ceased to."""

    def scored(self, updates: int) -> None:
        """So many scores go onto the scores topic."""

    def hole(self, partition: int, offsets: int) -> None:
        """The broker holds no record for this many offsets."""

    def gap(self, partition: int) -> None:
        """Records did not come here; they are read again."""

    def waiting(self, cause: str) -> None:
        """A try failed and will be repeated; `cause` is "redis" or "kafka"."""

    def lag(self, partition: int, records: int) -> None:
        """Records in the log that are not applied yet."""

    def building(self, partition: int, offsets: int) -> None:
        """Another model is live, and so many offsets are left until this one takes its place; 0: this one is live."""

    def released(self, partition: int) -> None:
        """The partition is no longer ours."""

    def tick_written(self, reason: str) -> None:
        """A tick was written, and why."""

    def silent(self, sources: Collection[str]) -> None:
        """The sources that are silent now, by name; `""` is all together. None is known where another process looks."""

    def rebuilt(self, kind: str, rows: int) -> None:
        """The store was empty or older than what was told, and is made anew: "snapshots" (so many rows came from there),
        "log", or "older" (it goes on silently to where it was).
        """

    def snapshots(self, rows: int) -> None:
        """So many rows went onto the state topic."""

    def snapshot_too_large(self) -> None:
        """A row is too large for it."""

    def snapshot_set(self, outcome: str) -> None:
        """A set of snapshots is "whole", "void" (not known to be whole) or "refused" (by Kafka or Redis)."""

    def snapshot_age(self, partition: int, seconds: float) -> None:
        """How long ago the newest whole set was begun; where there is none, how long there is none."""


def observe(observer: StreamObserver, transition: Transition) -> None:
    """Tell of a transition."""
    if transition.is_of_zone:
        observer.moved("none" if transition.to_zone is None else transition.to_zone.value)
    else:
        observer.ruled(transition.kind.value, holds=transition.holds)


class NullObserver:
    """Counts nothing."""

    def committed(self, partition: int, counts: Mapping[str, int], rows: int) -> None: ...

    def not_applied(self, source: str, outcome: str, events: int) -> None: ...

    def refused(self, partition: int) -> None: ...

    def evaluated(self, accounts: int, seconds: float) -> None: ...

    def moved(self, to_zone: str) -> None: ...

    def ruled(self, kind: str, *, holds: bool) -> None: ...

    def scored(self, updates: int) -> None: ...

    def hole(self, partition: int, offsets: int) -> None: ...

    def gap(self, partition: int) -> None: ...

    def waiting(self, cause: str) -> None: ...

    def lag(self, partition: int, records: int) -> None: ...

    def building(self, partition: int, offsets: int) -> None: ...

    def released(self, partition: int) -> None: ...

    def tick_written(self, reason: str) -> None: ...

    def silent(self, sources: Collection[str]) -> None: ...

    def rebuilt(self, kind: str, rows: int) -> None: ...

    def snapshots(self, rows: int) -> None: ...

    def snapshot_too_large(self) -> None: ...

    def snapshot_set(self, outcome: str) -> None: ...

    def snapshot_age(self, partition: int, seconds: float) -> None: ...
