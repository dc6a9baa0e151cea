"""Which events an account has applied lately, so that a repeat changes nothing.

An id is remembered for 24 hours of log time, and while it is among the newest 131,072 of its account. Before the first
tick there is no log time: such ids (their chunks say 0) count from the next id of the account that has one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from kenko.engine.rows import CHUNK_HEADER, ID_BYTES
from kenko.model.limits import ID_LIMIT, ID_MEMORY_MS

NO_TIME = 0
"""Log time of a chunk from before the first tick."""

_UNTIMED = 1 << 62
"""Stands for the time of an id from before the first tick: it does not run out."""


def expired_through(chunks: Iterable[bytes], committed_ms: int) -> int | None:
    """The offset through which chunks at the head of a list are older than 24 hours, from their headers alone."""
    through = None
    newest = -1
    for chunk in chunks:
        now_ms, offset = CHUNK_HEADER.unpack_from(chunk)
        if now_ms > committed_ms - ID_MEMORY_MS:
            break
        newest = max(newest, offset)
        if now_ms != NO_TIME:  # one without a time is over when the next that has one is
            through = newest
    return through


class _Stored:
    """A chunk in the store: since when its ids count, and how many it was the first to bring."""

    __slots__ = ("count", "offset", "since_ms")

    def __init__(self, since_ms: int, offset: int, count: int) -> None:
        self.since_ms = since_ms
        self.offset = offset
        self.count = count


class _Growing:
    """A chunk that the next commit writes."""

    __slots__ = ("ids", "now_ms", "offset", "since_ms")

    def __init__(self, now_ms: int, since_ms: int) -> None:
        self.now_ms = now_ms
        self.since_ms = since_ms
        self.offset = -1
        self.ids = bytearray()


class RecentIds:
    """The remembered ids of one account, and what a commit must write of them."""

    __slots__ = ("_first_ms", "_growing", "_newest", "_order", "_seen", "_stored", "_stored_ids", "_untimed")

    def __init__(self, chunks: Iterable[bytes] = (), *, row_offset: int = -1) -> None:
        """Read stored chunks.

        One above the row's offset belongs to a commit that did not complete. One that is not above those before it
        repeats what such a commit had written. Both are passed over.
        """
        self._seen: dict[bytes, int] = {}
        """Each id, and since when it counts."""
        self._order: deque[bytes] = deque()
        self._stored: deque[_Stored] = deque()
        self._stored_ids = 0
        """How many ids the stored chunks brought: a busy account has many chunks, and nobody counts them each time."""
        self._growing: list[_Growing] = []
        self._newest: _Growing | None = None
        """The last of them."""
        self._untimed = False
        self._first_ms: int | None = None
        newest = -1
        for chunk in chunks:
            now_ms, offset = CHUNK_HEADER.unpack_from(chunk)
            if newest < offset <= row_offset:
                newest = offset
                since_ms = self._since(now_ms)
                count = self._read(chunk, since_ms)
            else:
                count = 0
                since_ms = self._timed(now_ms)
            self._store(since_ms, offset, count)

    def _read(self, chunk: bytes, since_ms: int) -> int:
        """Remember the ids of a chunk; answers how many it was the first to bring.

        Its first ones may repeat the last ones of the chunk before, if they were applied at the same log time.
        """
        count = 0
        self._expire(since_ms)
        for at in range(CHUNK_HEADER.size, len(chunk), ID_BYTES):
            digest = chunk[at : at + ID_BYTES]
            if digest not in self._seen:
                self._remember(digest, since_ms)
                count += 1
        return count

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, digest: bytes, offset: int, now_ms: int) -> bool:
        """Remember an id. False: it is known, so its event is a repeat."""
        order, seen = self._order, self._seen
        if order and seen[order[0]] <= now_ms - ID_MEMORY_MS:
            self._expire(now_ms)
        if digest in seen:
            return False
        since_ms = self._since(now_ms) if now_ms == NO_TIME or self._untimed else now_ms
        seen = self._seen  # another one, where the first time has set it for all
        seen[digest] = since_ms
        order.append(digest)
        if len(order) > ID_LIMIT:
            del seen[order.popleft()]
        chunk = self._newest
        if chunk is None or chunk.now_ms != now_ms:
            chunk = self._newest = _Growing(now_ms, since_ms)
            self._growing.append(chunk)
        chunk.offset = offset
        chunk.ids += digest
        return True

    def drain(self, committed_ms: int) -> tuple[tuple[bytes, ...], int | None]:
        """Chunks to append, and the offset through which stored chunks can be dropped.

        A chunk goes only when it had lost its meaning by `committed_ms`, the log time at the fence the commit starts
        from, and by the ids stored then: a replay from that fence asks for none of its ids.
        """
        through = None
        while self._stored:
            head = self._stored[0]
            is_over = head.since_ms <= committed_ms - ID_MEMORY_MS or self._stored_ids - head.count >= ID_LIMIT
            if not is_over and (through is None or head.offset > through):
                break
            through = head.offset if through is None else max(through, head.offset)
            self._stored_ids -= self._stored.popleft().count
        chunks = tuple(CHUNK_HEADER.pack(chunk.now_ms, chunk.offset) + chunk.ids for chunk in self._growing)
        for chunk in self._growing:
            self._store(chunk.since_ms, chunk.offset, len(chunk.ids) // ID_BYTES)
        self._growing.clear()
        self._newest = None
        return chunks, through

    def settle(self) -> None:
        """What grew since the last drain will not be written: the ids live here only, and are still known."""
        self._growing.clear()
        self._newest = None

    def _store(self, since_ms: int, offset: int, count: int) -> None:
        self._stored.append(_Stored(since_ms, offset, count))
        self._stored_ids += count

    def _since(self, now_ms: int) -> int:
        """Since when an id applied at `now_ms` counts. The first one with a time sets it for all before it."""
        if now_ms == NO_TIME and self._first_ms is None:
            self._untimed = True
            return _UNTIMED
        if self._first_ms is None:
            self._first_ms = now_ms
        if self._untimed:
            self._untimed = False
            self._seen = dict.fromkeys(self._seen, now_ms)
            for stored in self._stored:
                stored.since_ms = now_ms if stored.since_ms == _UNTIMED else stored.since_ms
            for growing in self._growing:
                growing.since_ms = now_ms  # all that grew so far came before the first tick
        return self._first_ms if now_ms == NO_TIME else now_ms

    def _timed(self, now_ms: int) -> int:
        """Since when a chunk that is passed over counts."""
        if now_ms != NO_TIME:
            return now_ms
        return _UNTIMED if self._first_ms is None else self._first_ms

    def _expire(self, now_ms: int) -> None:
        order, seen = self._order, self._seen
        while order and seen[order[0]] <= now_ms - ID_MEMORY_MS:
            del seen[order.popleft()]

    def _remember(self, digest: bytes, since_ms: int) -> None:
        self._seen[digest] = since_ms
        self._order.append(digest)
        if len(self._order) > ID_LIMIT:
            del self._seen[self._order.popleft()]
