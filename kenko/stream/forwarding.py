"""Records on the wrong partition for their key, and the copies of them on the right one. Pure.

The partition that a misrouted record stands on (its source) forwards it: a copy is written to the partition of its key
(its target), acknowledged before the source's fence moves. A crash repeats copies and loses none. The target keeps, for
each source, the highest offset of which it has applied a copy, and drops the copies that are not above it.

Why the highest offset is enough. Whoever forwards for a source begins at its fence or below, writes the copies for a
target in the order of the source, and writes none before those ahead of it are acknowledged (`Output.send_in_order`). The
fence passes no record whose copy is not acknowledged. So wherever a copy stands in the target's log, the copies of all
earlier records stand before it: what is not above the highest was applied. That needs nobody to be the only one: of a
zombie and its successor each writes such a row, and however their rows fall between each other, the first copy of any
record comes after the first copies of all earlier ones. The zombie's fence is then refused, its copies stay and are
dropped. A store that comes back older, or empty, has an older fence: the same rows again.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError

from kenko.dialects.record import InvalidRecord
from kenko.stream.producer import MAX_REQUEST_BYTES, OutRecord
from schemas.dead_letter import DeadLetterReason
from schemas.forwarded import HEADER_PREFIX, Forwarded

MEND: Final = "set partitioner=murmur2_random where the producer is made (librdkafka's default is another one)"
_HEADER_OVERHEAD: Final = 10
"""Bytes that Kafka takes for the two lengths of a header, at most."""
_RECORD_OVERHEAD: Final = 128
"""Bytes around a record that stands alone in its batch, at most."""


def origin_of(record: Any, log_id: str, partitions: int) -> Forwarded | None:
    """Where `record`, which ends in a copy's last header, was read from. None: it is no copy of this log.

    A copy of another log (mirrored with its headers) is a record like any other here: its offsets mean nothing.

    Raises:
        InvalidRecord: it says that it is a copy, and cannot be one.
    """
    try:
        origin = Forwarded.from_headers(record.headers)
    except (ValidationError, UnicodeDecodeError, ValueError):
        raise _no_copy("are not as Kenko writes them") from None
    if origin.log != log_id:
        return None
    if origin.partition == record.partition or origin.partition >= partitions:
        raise _no_copy("name a partition that nothing is forwarded from")
    return origin


def taken_in_ms(record: Any, origin: Forwarded) -> int:
    """When the log took in the record that the copy `record` was made of.

    Never later than the copy itself, or a forged header could bring an event from the future in.
    """
    own: int = record.timestamp
    return own if origin.timestamp < 0 else min(own, origin.timestamp)


def copy_of(record: Any, topic: str, log_id: str, *, to: int) -> OutRecord:
    """The copy of `record` for partition `to`.

    Raises:
        InvalidRecord: with our headers it is larger than what Kafka takes.
    """
    headers = [(name, value) for name, value in record.headers if not name.startswith(HEADER_PREFIX)]
    origin = Forwarded(log=log_id, partition=record.partition, offset=record.offset, timestamp=record.timestamp)
    headers += origin.headers()
    if _size(record, headers) > MAX_REQUEST_BYTES:
        message = f"key: belongs to partition {to}, and the record is too large to be forwarded: {MEND}"
        raise InvalidRecord(DeadLetterReason.TOO_LARGE, message)
    return OutRecord(
        topic=topic,
        key=record.key,
        value=record.value,
        headers=headers,
        partition=to,
        timestamp_ms=record.timestamp if record.timestamp >= 0 else None,
    )


def still_wrong(home: int, partitions: int) -> InvalidRecord:
    """The refusal of a copy that is on the wrong partition itself: forwarded again it could go round for ever."""
    return InvalidRecord(
        DeadLetterReason.MISROUTED,
        f"key: belongs to partition {home} of {partitions}, but the record says that it was forwarded to this one:"
        f" give every scorer the same KENKO_PARTITIONS, and leave {HEADER_PREFIX}* headers to Kenko",
    )


def _no_copy(what: str) -> InvalidRecord:
    return InvalidRecord(DeadLetterReason.INVALID, f"{HEADER_PREFIX}*: {what}: leave these headers to Kenko")


def _size(record: Any, headers: list[tuple[str, bytes]]) -> int:
    parts = len(record.key or b"") + len(record.value or b"") + _RECORD_OVERHEAD
    return parts + sum(len(name.encode()) + len(value or b"") + _HEADER_OVERHEAD for name, value in headers)
