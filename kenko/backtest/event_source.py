"""A file of events in the order of their times, with what a progress bar needs to know beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kenko.backtest.event_file import BadLine, EventFileError, FileEvent, read_lines


@dataclass(frozen=True)
class EventSource:
    """An event file that was looked through once. `events()` may be called again and again."""

    path: Path
    count: int
    first_ms: int
    last_ms: int
    accounts: frozenset[str]
    bad: tuple[BadLine, ...]
    """Lines that are no events, in the file's order."""
    in_order: bool
    """False: the file was not in the order of event times; `events()` sorts it."""
    _sorted: tuple[FileEvent, ...] = field(default=(), repr=False)

    def events(self) -> Iterator[FileEvent]:
        """By event time; events of the same time stay in the file's order."""
        if not self.in_order:
            yield from self._sorted
            return
        for item in read_lines(self.path):
            if isinstance(item, FileEvent):
                yield item


def open_source(path: Path) -> EventSource:
    """Look through the file once. A file in order is read again when it is played; another one is kept in memory.

    Raises:
        EventFileError: the file cannot be read, or holds no event.
    """
    times: list[int] = []
    accounts: set[str] = set()
    bad: list[BadLine] = []
    in_order = True
    for item in read_lines(path):
        if isinstance(item, BadLine):
            bad.append(item)
            continue
        in_order = in_order and (not times or item.time_ms >= times[-1])
        times.append(item.time_ms)
        accounts.add(item.account_id)
    if not times:
        first = f"; line {bad[0].line}: {bad[0].message}" if bad else ""
        raise EventFileError(f"{path}: holds no event{first}")
    ordered = () if in_order else tuple(sorted(_events(path), key=lambda event: event.time_ms))
    return EventSource(
        path=path,
        count=len(times),
        first_ms=min(times),
        last_ms=max(times),
        accounts=frozenset(accounts),
        bad=tuple(bad),
        in_order=in_order,
        _sorted=ordered,
    )


def _events(path: Path) -> Iterator[FileEvent]:
    return (item for item in read_lines(path) if isinstance(item, FileEvent))
