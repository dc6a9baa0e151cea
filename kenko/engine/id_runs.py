"""Ids with the hours in which they were applied, as they are stored.

A run is the ids of one hour of log time, big-endian:

    bytes 0..4    when the hour ended, in hours since 1970-01-01 UTC; 0 before the first tick
    byte  4       how many ids follow, at most 255
    then          8 bytes an id, in the order they were applied

Runs stand one behind the other, oldest first.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from kenko.model.limits import ID_GRAIN_MS, ID_MEMORY_MS

ID_BYTES = 8
"""Bytes of one remembered id."""
NO_HOUR = 0
"""Of ids from before the first tick."""

_HEADER = Struct(">IB")


def hour_of(now_ms: int) -> int:
    """The end of the hour that holds `now_ms`."""
    return now_ms // ID_GRAIN_MS + 1


def begin_run(hour: int) -> bytes:
    """The head of a run without ids. Its last byte is their number."""
    return _HEADER.pack(hour, 0)


def runs_in(packed: bytes | bytearray, at: int = 0) -> Iterator[tuple[int, int, int]]:
    """(hour, where its ids begin, where they end) of each run from `at` on."""
    while at < len(packed):
        hour, count = _HEADER.unpack_from(packed, at)
        begin = at + _HEADER.size
        at = begin + count * ID_BYTES
        yield hour, begin, at


def over_through(packed: bytes | bytearray, committed_ms: int, at: int = 0) -> int:
    """Where the first run stands that is not over at this log time. One without an hour is over with the next."""
    living = at
    for hour, _, end in runs_in(packed, at):
        if hour != NO_HOUR:
            if not is_over(hour * ID_GRAIN_MS, committed_ms):
                break
            living = end
    return living


def is_over(since_ms: int, now_ms: int) -> bool:
    """Whether ids that count since then are no longer remembered."""
    return since_ms <= now_ms - ID_MEMORY_MS
