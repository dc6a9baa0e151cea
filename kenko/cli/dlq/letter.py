"""A dead letter as it stands in the topic."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from kenko.cli.printable import printable, printable_bytes
from schemas.base import from_ms
from schemas.dead_letter import HEADER_PREFIX, DeadLetter

SHOWN_MESSAGE = 160
SHOWN_ID = 60


class Place(NamedTuple):
    """Where it stands among the dead letters: `3:17` is partition 3, offset 17."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class Letter(NamedTuple):
    """The original record, and why it was given up."""

    place: Place
    written_ms: int
    """When it was given up, by the clock of the dead-letters topic."""
    error: DeadLetter
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    """Without those that say what was wrong."""
    error_headers: tuple[tuple[str, bytes], ...]

    @property
    def stood(self) -> str:
        """Where the original stood, in words."""
        error = self.error
        if error.topic is None:
            return "never reached a topic"
        return f"{printable(error.topic)} {error.partition}:{error.offset}"


def read_letter(record: Any) -> Letter | None:
    """The letter in a ConsumerRecord; None for a record that somebody else wrote there."""
    headers = [(name, value or b"") for name, value in record.headers]
    ours = tuple(header for header in headers if header[0].startswith(HEADER_PREFIX))
    try:
        error = DeadLetter.from_headers(list(ours))
    except (ValidationError, UnicodeDecodeError):
        return None
    return Letter(
        place=Place(record.partition, record.offset),
        written_ms=record.timestamp,
        error=error,
        key=record.key,
        value=record.value or b"",
        headers=tuple(header for header in headers if not header[0].startswith(HEADER_PREFIX)),
        error_headers=ours,
    )


def account_of(letter: Letter) -> str | None:
    """The account it was about, as far as that can be read: its key, else what its body says."""
    if letter.key is not None:
        return letter.key.decode(errors="replace")
    try:
        body = orjson.loads(letter.value)
    except orjson.JSONDecodeError:
        return None
    named = [body.get(field) for field in ("account_id", "subject")] if isinstance(body, dict) else []
    return next((name for name in named if isinstance(name, str)), None)


def source_of(letter: Letter) -> str:
    """Who sent it, as far as that can be told without reading the body: the source of its key, or that of the record; else
    the dialect, as ingest itself counts.
    """
    of_record = next((value.decode(errors="replace") for name, value in letter.headers if name == "ce_source"), None)
    return letter.error.source or of_record or letter.error.dialect or "unknown"


def line_of(letter: Letter) -> str:
    """When, why, what is wrong, who gave it up, and where it stood: in one printable line."""
    error = letter.error
    when = f"{from_ms(letter.written_ms):%Y-%m-%d %H:%M:%S}"
    parts = [when, error.reason.value, printable(error.message, SHOWN_MESSAGE), printable(error.app), letter.stood]
    return "  ".join(parts)


def as_dict(letter: Letter) -> dict[str, Any]:
    """For a program: what `line_of` says, and where the letter stands. JSON escapes what must be."""
    return {
        "place": str(letter.place),
        "written_at": from_ms(letter.written_ms).isoformat(),
        **letter.error.model_dump(mode="json"),
        "key": None if letter.key is None else printable_bytes(letter.key),
    }
