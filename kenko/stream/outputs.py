"""The records a runner writes: transitions, copied ticks, dead letters. Pure."""

from __future__ import annotations

from typing import Any, Final

from kenko.dialects.record import InvalidRecord
from kenko.stream.producer import OutRecord
from schemas.dead_letter import DeadLetter
from schemas.transition import Transition

TRANSITION_HEADER: Final = ("kenko-type", b"transition")
MAX_DEAD_VALUE_BYTES: Final = 512 * 1024
"""A dead letter carries more headers than its record did; a record near Kafka's limit would not fit any more."""


def transition_record(transition: Transition, topic: str) -> OutRecord:
    """Keyed by account; on the partition that its account's ticks are copied to."""
    return OutRecord(
        topic=topic,
        key=transition.account_id.encode(),
        value=transition.model_dump_json().encode(),
        headers=(TRANSITION_HEADER,),
        partition=transition.partition,
    )


def tick_copy(record: Any, topic: str) -> OutRecord:
    """A tick of the usage-events log for the alerter, as it stands: its time follows the scorer's (`time: log`)."""
    return OutRecord(
        topic=topic, key=None, value=record.value, headers=tuple(record.headers), partition=record.partition
    )


def dead_letter_record(record: Any, refusal: InvalidRecord, topic: str, *, app: str, source_topic: str) -> OutRecord:
    """The raw record with the error headers; a value above 512 KiB is cut, and the message says so."""
    value: bytes = record.value or b""
    message = refusal.message
    if len(value) > MAX_DEAD_VALUE_BYTES:
        message = f"{message} (value cut from {len(value)} to {MAX_DEAD_VALUE_BYTES} bytes)"
        value = value[:MAX_DEAD_VALUE_BYTES]
    letter = DeadLetter(
        reason=refusal.dead_letter_reason,
        message=message,
        app=app,
        topic=source_topic,
        partition=record.partition,
        offset=record.offset,
    )
    return OutRecord(
        topic=topic, key=record.key, value=value, headers=(*record.headers, *letter.headers()), partition=None
    )
