"""Which events an account has applied lately, so that a repeat changes nothing.

An id is remembered for 24 hours of log time from the end of the hour in which it was applied, and while it is among the
newest 131,072 of its account. Before the first tick there is no log time: such ids (their hour is 0) count from the next
id of the account that has one. None of this depends on where the log was cut into commits.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import NamedTuple

from kenko.engine.id_runs import ID_BYTES, NO_HOUR, begin_run, hour_of, is_over, over_through, runs_in
from kenko.engine.rows import CHUNK_HEADER, TAIL_HEADER
from kenko.model.limits import ID_GRAIN_MS, ID_LIMIT

NO_TIME = 0
"""Log time before the first tick."""

CUT_SHORT = "ids_cut_short"
"""Under which ids are counted that the limit made an account forget before their time."""

TAIL_BYTES = 512
"""Ids kept with the row before they become a chunk: 63 of one hour. Half of it, on average, is written with each row."""

_NO_TAIL = -1
_NO_LIST, _UNTIMED_LIST = 0, 2**32 - 1
_UNTIMED = 1 << 62
"""Stands for the time of an id from before the first tick: it does not run out."""


class Drained(NamedTuple):
    """What a commit must write of the ids of an account."""

    chunks: tuple[bytes, ...]
    """To append to the list."""
    through: int | None
    """Chunks at the head of the list can be dropped through this offset."""
    tail: bytes
    """To keep with the row."""


def has_list(tail: bytes) -> bool:
    """Whether there are chunks beside a row with this tail."""
    return bool(tail) and TAIL_HEADER.unpack_from(tail)[0] != _NO_LIST


def drained_unread(tail: bytes, row_offset: int, committed_ms: int) -> Drained:
    """`RecentIds.drain` of an account whose ids were not read. Of its list nothing is known but when all of it is over."""
    if not tail:
        return Drained((), None, tail)
    (hour,) = TAIL_HEADER.unpack_from(tail)
    through = None
    if hour not in {_NO_LIST, _UNTIMED_LIST} and is_over(hour * ID_GRAIN_MS, committed_ms):
        hour, through = _NO_LIST, row_offset
    runs = tail[over_through(tail, committed_ms, TAIL_HEADER.size) :]
    return Drained((), through, _tail(hour, runs))


class _Chunk:
    """A chunk of the list: since when its newest ids count, and how many it was the first to bring."""

    __slots__ = ("count", "offset", "since_ms")

    def __init__(self, since_ms: int, offset: int, count: int) -> None:
        self.since_ms = since_ms
        self.offset = offset
        self.count = count


class RecentIds:
    """The remembered ids of one account, and what a commit must write of them."""

    __slots__ = (
        *("_count_at", "_counts", "_first_ms", "_full", "_hour", "_offset", "_order", "_repeats", "_seen", "_since_ms"),
        *("_stored", "_stored_ids", "_tail", "_tail_hour", "_turn_ms", "_untimed"),
    )

    def __init__(
        self,
        chunks: Iterable[bytes] = (),
        tail: bytes = b"",
        *,
        row_offset: int = -1,
        counts: Counter[str] | None = None,
    ) -> None:
        """Read stored chunks and the row's tail. `counts`: where ids are counted that are forgotten before their time.

        A chunk above the row's offset belongs to a commit that did not complete. One that is not above those before it
        repeats what such a commit had written. Both are passed over.
        """
        self._counts: Counter[str] = Counter() if counts is None else counts
        self._seen: dict[bytes, int] = {}
        """Each id, and since when it counts."""
        self._order: deque[bytes] = deque()
        self._stored: deque[_Chunk] = deque()
        self._stored_ids = 0
        """How many ids the stored chunks brought: a busy account has many chunks, and nobody counts them each time."""
        self._full: list[tuple[_Chunk, bytes]] = []
        """Chunks that the next commit writes."""
        self._tail = bytearray()
        self._tail_hour = _NO_TAIL
        """Of its last run."""
        self._count_at = 0
        """Where the number of ids of its last run stands. It is counted when somebody wants to read it."""
        self._offset = row_offset
        """Of the newest event in the tail, or above it."""
        self._hour = _NO_TAIL
        self._since_ms = _UNTIMED
        self._turn_ms = NO_TIME
        """Until when it is this hour. Ids run out when an hour begins, and at no other time."""
        self._untimed = False
        self._first_ms: int | None = None
        newest = -1
        for chunk in chunks:
            now_ms, offset = CHUNK_HEADER.unpack_from(chunk)
            count = 0
            if newest < offset <= row_offset:
                newest = offset
                count, _ = self._read(chunk, CHUNK_HEADER.size)
            self._store(_Chunk(self._timed(now_ms), offset, count))
        self._repeats = 0
        """Of the ids in the tail, how many a chunk has brought too."""
        if tail:
            self._take_up(tail)

    def _read(self, packed: bytes, at: int) -> tuple[int, int]:
        """Remember the ids of runs; answers how many they were the first to bring, and how many there are."""
        count = total = 0
        for hour, begin, end in runs_in(packed, at):
            since_ms = self._since(hour)
            self._expire(since_ms - ID_GRAIN_MS)  # the hour began then, and nothing runs out in its middle
            for place in range(begin, end, ID_BYTES):
                digest = packed[place : place + ID_BYTES]
                total += 1
                if digest not in self._seen:
                    self._remember(digest, since_ms)
                    count += 1
        return count, total

    def _take_up(self, tail: bytes) -> None:
        """Go on with the tail where the last commit left it."""
        count, total = self._read(tail, TAIL_HEADER.size)
        self._repeats = total - count
        self._tail += tail[TAIL_HEADER.size :]
        for hour, begin, _ in runs_in(self._tail):
            self._tail_hour, self._count_at = hour, begin - 1

    def __len__(self) -> int:
        return len(self._seen)

    def known(self, now_ms: int) -> list[tuple[bytes, int]]:
        """The ids that are remembered at `now_ms`, in the order they were applied, and since when each counts."""
        return [(digest, self._seen[digest]) for digest in self._order if not is_over(self._seen[digest], now_ms)]

    def add(self, digest: bytes, offset: int, now_ms: int) -> bool:
        """Remember an id. False: it is known, so its event is a repeat. Log time never goes backwards."""
        if now_ms >= self._turn_ms:
            self._turn(now_ms)
        if digest in self._seen:
            return False
        if self._hour != self._tail_hour:
            self._begin_run()
        self._seen[digest] = self._since_ms
        order = self._order
        order.append(digest)
        if len(order) > ID_LIMIT:
            del self._seen[order.popleft()]
            self._counts[CUT_SHORT] += 1
        tail = self._tail
        tail += digest
        self._offset = offset
        if len(tail) >= TAIL_BYTES:
            self._close()
        return True

    def drain(self, committed_ms: int) -> Drained:
        """What a commit must write.

        A chunk goes only when it had lost its meaning by `committed_ms`, the log time at the fence the commit starts
        from, and by the ids stored then: a replay from that fence asks for none of its ids. The same holds for the tail,
        though its row does not meet its records again: a repeat that came since then does not move the row's offset.
        """
        through = None
        while self._stored:
            head = self._stored[0]
            spent = is_over(head.since_ms, committed_ms) or self._stored_ids - head.count >= ID_LIMIT
            if not spent and (through is None or head.offset > through):
                break
            through = head.offset if through is None else max(through, head.offset)
            self._stored_ids -= self._stored.popleft().count
        chunks = tuple([packed for _, packed in self._full])
        for chunk, _ in self._full:
            self._store(chunk)
        self._full.clear()
        self._count()
        if over := over_through(self._tail, committed_ms):
            self._drop_runs(over)
        hour = _NO_LIST
        if self._stored:
            since_ms = self._stored[-1].since_ms
            hour = _UNTIMED_LIST if since_ms == _UNTIMED else since_ms // ID_GRAIN_MS
        return Drained(chunks, through, _tail(hour, self._tail))

    def settle(self) -> None:
        """What grew since the last drain will not be written: the ids live here only, and are still known."""
        self._full.clear()
        self._drop_runs(len(self._tail))

    def _turn(self, now_ms: int) -> None:
        """An hour begins."""
        if now_ms == NO_TIME:
            self._hour, self._since_ms, self._turn_ms = NO_HOUR, _UNTIMED, NO_TIME + 1
            return
        self._hour = hour_of(now_ms)
        self._since_ms = self._turn_ms = self._hour * ID_GRAIN_MS
        self._expire(now_ms)

    def _begin_run(self) -> None:
        """The next id is the first one of its hour, or of the tail."""
        self._since(self._hour)
        self._count()
        self._tail += begin_run(self._hour)
        self._tail_hour, self._count_at = self._hour, len(self._tail) - 1

    def _close(self) -> None:
        """The tail is full: it becomes a chunk."""
        hour = self._tail_hour
        self._count()
        count = sum((end - begin) // ID_BYTES for _, begin, end in runs_in(self._tail)) - self._repeats
        chunk = _Chunk(self._timed(hour * ID_GRAIN_MS), self._offset, max(count, 0))
        self._full.append((chunk, CHUNK_HEADER.pack(hour * ID_GRAIN_MS, self._offset) + self._tail))
        self._drop_runs(len(self._tail))

    def _count(self) -> None:
        """Say of the last run how many ids it has."""
        if self._tail:
            self._tail[self._count_at] = (len(self._tail) - self._count_at) // ID_BYTES

    def _drop_runs(self, end: int) -> None:
        """Take runs off the head of the tail."""
        del self._tail[:end]
        self._count_at -= end
        if not self._tail:
            self._tail_hour, self._repeats = _NO_TAIL, 0

    def _store(self, chunk: _Chunk) -> None:
        self._stored.append(chunk)
        self._stored_ids += chunk.count

    def _since(self, hour: int) -> int:
        """Since when the ids of this hour count. The first one with a time sets it for all before it."""
        if hour == NO_HOUR and self._first_ms is None:
            self._untimed = True
            return _UNTIMED
        since_ms = hour * ID_GRAIN_MS
        if self._first_ms is None:
            self._first_ms = since_ms
        if self._untimed:
            self._untimed = False
            self._seen = dict.fromkeys(self._seen, since_ms)
            for chunk in (*self._stored, *(chunk for chunk, _ in self._full)):
                chunk.since_ms = since_ms if chunk.since_ms == _UNTIMED else chunk.since_ms
        return self._first_ms if hour == NO_HOUR else since_ms

    def _timed(self, now_ms: int) -> int:
        """Since when a chunk counts whose header says `now_ms`."""
        if now_ms != NO_TIME:
            return now_ms
        return _UNTIMED if self._first_ms is None else self._first_ms

    def _expire(self, now_ms: int) -> None:
        order, seen = self._order, self._seen
        while order and is_over(seen[order[0]], now_ms):
            del seen[order.popleft()]

    def _remember(self, digest: bytes, since_ms: int) -> None:
        self._seen[digest] = since_ms
        self._order.append(digest)
        if len(self._order) > ID_LIMIT:
            del self._seen[self._order.popleft()]


def _tail(hour: int, runs: bytes | bytearray) -> bytes:
    """What is kept with the row; nothing where there are no ids."""
    return TAIL_HEADER.pack(hour) + runs if runs or hour != _NO_LIST else b""
