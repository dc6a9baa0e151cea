"""The records of `kenko.account-state.v1`: snapshots of rows, and the marker that makes a set of them whole. Pure.

Keys are UTF-8, and each record stands on the partition of its accounts. `<model>` is the model's name and the first 8
digits of its state hash, as in the keys of Redis: rows of another layout or of other signals have other keys.

    <model>/row/<part>/<account>    an account; a large one in several parts, from 0
    <model>/forgotten/<part>        digests of forgotten accounts
    <model>/marker                  the set that is whole

Value of a row and of digests, big-endian; null is a tombstone, written for every part when an account is forgotten:

    byte  0         version of this layout, 1
    bytes 1..9      fence: the offset at which the row, or who was forgotten, stood like this
    bytes 9..11     number of parts
    then            this part's share of the content, compressed by zlib. Content of a row: its state, the tail and the
                    chunks of its recent ids, each with its length before it (4 bytes); of digests: 16 bytes each

Value of the marker: JSON, `Marker`. What it says is true whoever wrote it, and stays true: "at this fence the partition
had so many rows, and from this offset of this topic on each of them stands as it was then". So a zombie does no harm.
Records of that set are those whose fence is the marker's; those of a later fence belong to a set that is being written.
A set is kept from compaction for longer than it takes to write the next one (`min.compaction.lag.ms`).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from kenko.engine.rows import Row
from kenko.engine.source_rhythm import Heard
from kenko.runtime.errors import KenkoError
from kenko.store.packing import pack, unpack
from kenko.store.port import Fence
from kenko.stream.producer import OutRecord

VERSION: Final = 1
MAX_PART_BYTES: Final = 900_000
"""Below Kafka's default limit of a record, key included."""
MAX_PARTS: Final = 16
DIGEST_BYTES: Final = 16

_HEADER = struct.Struct(">BQH")
_FASTEST: Final = 1
"""Level of zlib: a row gets as small as with any other."""


class TooLargeError(KenkoError):
    """A row that does not fit into all its parts."""


class UnreadableError(KenkoError):
    """A record that is none of ours, or of a later version."""


class Marker(Struct, kw_only=True, frozen=True):
    """A whole set of snapshots, and all that the fence held."""

    version: int = VERSION
    offset: int
    """Of the fence: every row last changed below it is in the set. Read the log again from here."""
    log_id: str
    now_ms: int | None
    counts: dict[str, int]
    silent: dict[str, int]
    heard: dict[str, tuple[int, str]]
    """By source: when it was heard last, and its hours in hexadecimal."""
    forwarded: dict[int, int]
    rows: int
    """How many there are. With fewer the set is not whole."""
    forgotten: int
    """The same for digests of forgotten accounts."""
    since: int | None
    """Offset of the state topic at which the set begins; None: it is empty."""
    began_ms: int
    """Wall time at which it was begun."""

    def fence(self) -> Fence:
        """The fence as it was."""
        return Fence(
            offset=self.offset,
            log_id=self.log_id,
            now_ms=self.now_ms,
            counts=self.counts,
            silent=self.silent,
            heard={source: Heard(ms, int(hours, 16)) for source, (ms, hours) in self.heard.items()},
            forwarded=self.forwarded,
            snapshot_ms=self.began_ms,
        )


def marker_of(fence: Fence, *, rows: int, forgotten: int, since: int | None, began_ms: int) -> Marker:
    """The marker of the set that was begun at `fence`."""
    return Marker(
        offset=fence.offset,
        log_id=fence.log_id,
        now_ms=fence.now_ms,
        counts=dict(fence.counts),
        silent=dict(fence.silent),
        heard={source: (heard.last_ms, f"{heard.hours:x}") for source, heard in fence.heard.items()},
        forwarded=dict(fence.forwarded),
        rows=rows,
        forgotten=forgotten,
        since=since,
        began_ms=began_ms,
    )


class Part(NamedTuple):
    """The value of a record of an account, or of digests."""

    fence: int
    parts: int
    share: bytes


def read_part(value: bytes) -> Part:
    """Raises UnreadableError."""
    if len(value) < _HEADER.size:
        raise UnreadableError(f"a snapshot of {len(value)} bytes")
    version, fence, parts = _HEADER.unpack_from(value)
    if version != VERSION:
        raise UnreadableError(f"a snapshot of version {version}; this process reads version {VERSION}")
    return Part(fence, parts, value[_HEADER.size :])


def content_of(shares: Sequence[bytes]) -> bytes:
    """What was divided into these shares. Raises UnreadableError."""
    try:
        return zlib.decompress(b"".join(shares))
    except zlib.error as error:
        raise UnreadableError(f"a snapshot that cannot be read: {error}") from error


def row_in(content: bytes) -> Row:
    """The row in the content of its parts."""
    state, tail, *chunks = unpack(content)
    return Row(state, chunks, tail)


def digests_in(content: bytes) -> set[bytes]:
    """The digests in the content of their parts."""
    return {content[at : at + DIGEST_BYTES] for at in range(0, len(content), DIGEST_BYTES)}


class StateTopic(NamedTuple):
    """Where snapshots of one model and partition go."""

    topic: str
    """The real name."""
    model: str
    partition: int

    def rows(self, account_id: str, row: Row, fence: int) -> list[OutRecord]:
        """An account as it stood at `fence`.

        Raises:
            TooLargeError: it takes more than `MAX_PARTS` records.
        """
        return self._parts(
            pack([row.state, row.tail, *(row.ids or ())]), fence, lambda part: self._row_key(account_id, part)
        )

    def forgotten(self, digests: Iterable[bytes], fence: int) -> list[OutRecord]:
        """Who was forgotten. Raises TooLargeError."""
        content = b"".join(sorted(digests))
        return self._parts(content, fence, lambda part: f"{self.model}/forgotten/{part}") if content else []

    def marker(self, marker: Marker) -> OutRecord:
        return self._record(f"{self.model}/marker", msgspec.json.encode(marker))

    def tombstones(self, account_id: str) -> list[OutRecord]:
        """Nothing is left of the account's snapshots, however many parts it once had."""
        return [self._record(self._row_key(account_id, part), None) for part in range(MAX_PARTS)]

    def read_marker(self, key: bytes, value: bytes | None) -> Marker | None:
        """The marker in a record; None: it is another record. Raises UnreadableError."""
        if value is None or key != f"{self.model}/marker".encode():
            return None
        try:
            marker = msgspec.json.decode(value, type=Marker)
        except msgspec.DecodeError as error:
            raise UnreadableError(f"a marker that cannot be read: {error}") from error
        if marker.version != VERSION:
            raise UnreadableError(f"a marker of version {marker.version}; this process reads version {VERSION}")
        return marker

    def row_of(self, key: bytes) -> tuple[str, int] | None:
        """Account and part that a record is of; None: it is another record."""
        prefix = f"{self.model}/row/".encode()
        if not key.startswith(prefix):
            return None
        number, _, account = key[len(prefix) :].partition(b"/")
        return account.decode(), int(number)

    def is_forgotten(self, key: bytes) -> bool:
        """Whether the record holds digests."""
        return key.startswith(f"{self.model}/forgotten/".encode())

    def _row_key(self, account_id: str, part: int) -> str:
        return f"{self.model}/row/{part}/{account_id}"

    def _parts(self, content: bytes, fence: int, key: Callable[[int], str]) -> list[OutRecord]:
        squeezed = zlib.compress(content, _FASTEST)
        parts = [squeezed[at : at + MAX_PART_BYTES] for at in range(0, len(squeezed), MAX_PART_BYTES)]
        if len(parts) > MAX_PARTS:
            raise TooLargeError(f"{len(squeezed)} bytes: more than {MAX_PARTS} records hold")
        header = _HEADER.pack(VERSION, fence, len(parts))
        return [self._record(key(number), header + part) for number, part in enumerate(parts)]

    def _record(self, key: str, value: bytes | None) -> OutRecord:
        return OutRecord(topic=self.topic, key=key.encode(), value=value, partition=self.partition)
