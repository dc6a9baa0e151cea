"""The dead letter of a record that was read from a topic: raw key, value and headers, and why.

It must always fit into one record, or the record it stands for could be neither applied nor given up, and its
partition would stand still. So each part has a limit; what is cut is said in the message. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from kenko.stream.producer import OutRecord
from schemas.dead_letter import DeadLetter, DeadLetterReason

# Together with the error headers these stay well below Kafka's default of a megabyte a record.
MAX_VALUE_BYTES: Final = 512 * 1024
MAX_KEY_BYTES: Final = 64 * 1024
MAX_HEADERS_BYTES: Final = 128 * 1024
MAX_MESSAGE_CHARACTERS: Final = 1_000
"""A message may quote the name of a header, which may be as long as its sender likes."""
_HEADER_OVERHEAD: Final = 10
"""Bytes that Kafka takes for the two lengths of a header, at most."""


class RawRecord(Protocol):
    """A record as it was read."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Iterable[tuple[str, bytes]]: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...


def dead_letter_record(  # noqa: PLR0913 - what the letter says, by keyword
    record: RawRecord, topic: str, *, reason: DeadLetterReason, message: str, app: str, source_topic: str
) -> OutRecord:
    """The letter for `topic`; `record` stood in `source_topic`, and `app` gave it up.

    On the partition it stood on there: that is where its key belongs, or its producer put it, and records without a key
    keep their order too. All topics have the same number of partitions.
    """
    cuts: list[str] = []
    key = None if record.key is None else _cut("key", record.key, MAX_KEY_BYTES, cuts)
    value = _cut("value", record.value or b"", MAX_VALUE_BYTES, cuts)
    headers = _fitting(record.headers, cuts)
    if len(message) > MAX_MESSAGE_CHARACTERS:
        message = message[: MAX_MESSAGE_CHARACTERS - 1] + "…"
    letter = DeadLetter(
        reason=reason,
        message=f"{message} ({', '.join(cuts)})" if cuts else message,
        app=app,
        topic=source_topic,
        partition=record.partition,
        offset=record.offset,
    )
    return OutRecord(
        topic=topic, key=key, value=value, headers=(*headers, *letter.headers()), partition=record.partition
    )


def _cut(name: str, part: bytes, limit: int, cuts: list[str]) -> bytes:
    if len(part) > limit:
        cuts.append(f"{name} cut from {len(part)} to {limit} bytes")
    return part[:limit]


def _fitting(headers: Iterable[tuple[str, bytes]], cuts: list[str]) -> list[tuple[str, bytes]]:
    """The headers that fit, in their order; one that does not is left out, those after it may still fit."""
    kept: list[tuple[str, bytes]] = []
    room, left_out = MAX_HEADERS_BYTES, 0
    for name, value in headers:
        size = len(name.encode()) + len(value or b"") + _HEADER_OVERHEAD
        if size <= room:
            room -= size
            kept.append((name, value))
        else:
            left_out += 1
    if left_out:
        cuts.append(f"{left_out} headers left out: they hold more than {MAX_HEADERS_BYTES} bytes")
    return kept
