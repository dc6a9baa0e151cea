"""Lay a usage-events log out anew: what one topic holds, for the partitions of another one.

An account belongs to one partition, and a topic's new partitions begin empty: with some added in place, the past of an
account would stand on one partition and its present on another, under ticks that know nothing of the past. So the log is
written again, as if the new topic had been there from the start:

- The partitions are merged by the time at which the log took a record in; in each of them the order stays.
- A record of an account goes to the partition of its key, with the time that it had: the new log takes it in today, and
  an event that left its time to the log would be one of today.
- A tick goes to every new partition, as does what was decided about a source. Ticks that are closer than `tick_every_ms`
  are left out: each new partition gets those of all old ones.
- Copies of misrouted records are left out: the originals stand in the log too, and now find their partition.
- What cannot be decoded is left out: it was given up when it was read, and stands in the dead letters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from heapq import heappop, heappush
from typing import Any, Final, Protocol

from kenko.dialects.cloudevents import decode_record, encode_event
from kenko.dialects.own_records import encode_forget, encode_override, encode_traits
from kenko.dialects.record import InvalidRecord
from kenko.engine.partitioning import murmur2_partition
from kenko.stream.browser import Bounds
from kenko.stream.producer import OutRecord
from schemas.account_traits import AccountTraits
from schemas.base import to_ms
from schemas.forget import Forget
from schemas.forwarded import LAST_HEADER, Forwarded
from schemas.override import Override
from schemas.source_state import SourceState
from schemas.tick import Tick
from schemas.usage_event import UsageEvent

PIECE: Final = 2000
"""Offsets of a partition read at once."""


class Fate(StrEnum):
    """What becomes of a record. Also the name it is counted under."""

    COPIED = "copied"
    TICK = "ticks"
    TICK_LEFT_OUT = "ticks left out"
    SOURCE_STATE = "states of sources"
    FORWARDED = "copies of misrouted records left out"
    INVALID = "not readable, left out"


class Readable(Protocol):
    """A topic's log, as `TopicBrowser` reads it."""

    def read(self, ranges: Mapping[int, Bounds]) -> AsyncIterator[Any]:
        """The records in these ranges."""


class Relay:
    """Turns records of the old log, in the order of `merged`, into those of the new one. Pure but for its own counts."""

    def __init__(self, *, old_log: str, topic: str, partitions: int, tick_every_ms: int) -> None:
        """`old_log` is the old log's identity without its number of partitions; `topic` and `partitions` are the new ones."""
        self._old_log = old_log
        self._topic = topic
        self._partitions = partitions
        self._tick_every_ms = tick_every_ms
        self._last_tick_ms: int | None = None
        self._held: tuple[int, Any] | None = None
        self.counts: Counter[Fate] = Counter()

    def relay(self, record: Any) -> list[OutRecord]:
        """What is to be written for `record`; each names its partition."""
        if self._is_copy(record):
            return self._count(Fate.FORWARDED, [])
        try:
            content = decode_record(record.key, record.value, record.headers, record.timestamp)
        except InvalidRecord:
            return self._count(Fate.INVALID, [])
        if isinstance(content, Tick):
            return self._tick(to_ms(content.time), record)
        if isinstance(content, SourceState):  # it stands in every old partition, so the first one's will do
            return self._count(Fate.SOURCE_STATE, self._to_all(record)) if record.partition == 0 else []
        partition = murmur2_partition(content.account_id.encode(), self._partitions)
        return self._count(Fate.COPIED, [_of_account(content, record, self._topic, partition)])

    def last_tick(self) -> list[OutRecord]:
        """The newest tick, if it was left out: the new log's time ends where the old one's does."""
        if self._held is None:
            return []
        _, record = self._held
        self._held = None
        self.counts[Fate.TICK_LEFT_OUT] -= 1
        return self._count(Fate.TICK, self._to_all(record))

    def _tick(self, time_ms: int, record: Any) -> list[OutRecord]:
        if self._last_tick_ms is not None and time_ms < self._last_tick_ms + self._tick_every_ms:
            if time_ms > (self._last_tick_ms if self._held is None else self._held[0]):
                self._held = (time_ms, record)
            return self._count(Fate.TICK_LEFT_OUT, [])
        self._last_tick_ms, self._held = time_ms, None
        return self._count(Fate.TICK, self._to_all(record))

    def _to_all(self, record: Any) -> list[OutRecord]:
        return [
            OutRecord(self._topic, None, record.value, list(record.headers), partition, _time(record))
            for partition in range(self._partitions)
        ]

    def _is_copy(self, record: Any) -> bool:
        """Of this log, whatever its number of partitions was then. One of another log is a record like any other."""
        if not record.headers or record.headers[-1][0] != LAST_HEADER:
            return False
        try:
            return Forwarded.from_headers(record.headers).log.rpartition("/")[0] == self._old_log
        except ValueError:  # pydantic's is one too: it is no copy of ours, and decoding it says what it is
            return False

    def _count(self, fate: Fate, records: list[OutRecord]) -> list[OutRecord]:
        self.counts[fate] += 1
        return records


async def merged(log: Readable, ranges: Mapping[int, Bounds]) -> AsyncIterator[Any]:
    """The records in `ranges` by the time at which the log took them in; those of one partition in their order."""
    heads: list[tuple[int, int, int]] = []  # (time, partition, offset) of the next record of each partition
    pieces = {partition: _Pieces(log, partition, bounds) for partition, bounds in ranges.items()}
    for partition, piece in pieces.items():
        if (record := await piece.next()) is not None:
            heappush(heads, (piece.time_ms, partition, record.offset))
    while heads:
        _, partition, _ = heappop(heads)
        piece = pieces[partition]
        yield piece.record
        if (record := await piece.next()) is not None:
            heappush(heads, (piece.time_ms, partition, record.offset))


class _Pieces:
    """One partition, read piece by piece. Its time never goes back, whatever its producers' clocks did."""

    def __init__(self, log: Readable, partition: int, bounds: Bounds) -> None:
        self._log = log
        self._partition = partition
        self._at, self._end = bounds
        self._read: list[Any] = []
        self.record: Any = None
        self.time_ms = 0

    async def next(self) -> Any:
        """The next record, None at the end."""
        while not self._read and self._at < self._end:
            upto = min(self._at + PIECE, self._end)
            self._read = [r async for r in self._log.read({self._partition: Bounds(self._at, upto)})]
            self._read.reverse()
            self._at = upto
        self.record = self._read.pop() if self._read else None
        if self.record is not None:
            self.time_ms = max(self.time_ms, self.record.timestamp)
        return self.record


def _of_account(
    content: UsageEvent | AccountTraits | Override | Forget, record: Any, topic: str, partition: int
) -> OutRecord:
    if isinstance(content, UsageEvent):
        made = encode_event(content)
    elif isinstance(content, AccountTraits):
        made = encode_traits(content)
    elif isinstance(content, Override):
        made = encode_override(content)
    else:
        made = encode_forget(content)
    return OutRecord(topic, made.key, made.value, made.headers, partition, _time(record))


def _time(record: Any) -> int | None:
    return record.timestamp if record.timestamp >= 0 else None
