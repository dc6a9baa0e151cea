"""Events from a file: JSON lines as POST /v1/events takes them, or CSV with account_id,user_id,event,ts,value.

Only what a replay itself needs is looked at: a JSON object with a time. Whether the event is a good one, ingest says.
A line that cannot be placed in time is reported with its number and passed over; it never ends the file.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from kenko.dialects.times import parse_time
from schemas.base import to_ms

_CSV_COLUMNS = ("account_id", "event", "ts")


class EventFileError(Exception):
    """The file as a whole cannot be read. The message says what to change."""


class FileEvent(NamedTuple):
    """One event of a file, as it will be sent."""

    line: int
    """Line in the file, from 1."""
    time_ms: int
    account_id: str
    body: dict[str, Any]
    """Plain JSON as POST /v1/events takes it."""


class BadLine(NamedTuple):
    """A line that is no event."""

    line: int
    message: str


def read_lines(path: Path) -> Iterator[FileEvent | BadLine]:
    """Every event of the file, in the file's order, with the lines that are none.

    Raises:
        EventFileError: no such file, a file type nobody knows, or a CSV without the columns that are needed.
    """
    name = path.name.removesuffix(".gz")
    reader = {".jsonl": _json_lines, ".ndjson": _json_lines, ".csv": _csv_lines}.get(Path(name).suffix.lower())
    if reader is None:
        raise EventFileError(f"{path}: must end in .jsonl, .ndjson or .csv, with or without .gz")
    if not path.is_file():
        raise EventFileError(f"{path}: there is no such file")
    # A byte that is no UTF-8 becomes a lone surrogate: it spoils its own line and no other.
    try:
        file = _open(path)
    except OSError as error:
        raise EventFileError(f"{path}: {error.strerror}") from None
    with file:
        yield from _until_broken(reader(file, Path(name).stem))


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _until_broken(lines: Iterator[FileEvent | BadLine]) -> Iterator[FileEvent | BadLine]:
    """A compressed file that was cut off still has good lines before the cut."""
    line = 0
    while True:
        try:
            item = next(lines)
        except StopIteration:
            return
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            yield BadLine(line + 1, f"the compressed file is broken from here on: {error}")
            return
        line = item.line
        yield item


def _json_lines(file: IO[str], stem: str) -> Iterator[FileEvent | BadLine]:
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            body = orjson.loads(text.encode("utf-8", "surrogateescape"))
        except orjson.JSONDecodeError as error:
            yield BadLine(line, f"is not JSON: {error.msg} at character {error.pos + 1}")
            continue
        if not isinstance(body, dict):
            yield BadLine(line, "is not a JSON object")
            continue
        yield _placed(line, line, body, stem)


def _csv_lines(file: IO[str], stem: str) -> Iterator[FileEvent | BadLine]:
    rows = csv.reader(file)
    columns = next(rows, [])
    missing = [name for name in _CSV_COLUMNS if name not in columns]
    if missing:
        raise EventFileError(f"the first line must name the columns; missing: {', '.join(missing)}")
    number = 0
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadLine(rows.line_num, f"is not CSV: {error}")
            continue
        if not row:
            continue
        number += 1
        if len(row) != len(columns):
            yield BadLine(rows.line_num, f"has {len(row)} fields, the first line has {len(columns)}")
            continue
        yield _csv_event(rows.line_num, number, dict(zip(columns, row, strict=True)), stem)


def _csv_event(line: int, number: int, row: dict[str, str], stem: str) -> FileEvent | BadLine:
    try:
        "".join(row.values()).encode()
    except UnicodeEncodeError:
        return BadLine(line, "is not UTF-8")
    body: dict[str, Any] = {"account_id": row["account_id"], "event": row["event"], "time": row["ts"]}
    if row.get("user_id"):
        body["user_id"] = row["user_id"]
    if row.get("value"):
        try:
            body["properties"] = {"value": float(row["value"])}
        except ValueError:
            return BadLine(line, f"value: {row['value']!r} is no number")
    return _placed(line, number, body, stem)


def _placed(line: int, number: int, body: dict[str, Any], stem: str) -> FileEvent | BadLine:
    """With its time; an event without an id gets file name and row number, which a second run repeats."""
    time = body.get("time")
    if not isinstance(time, str):
        return BadLine(line, "time: must be a text such as 2026-03-01T12:00:00Z")
    try:
        time_ms = to_ms(parse_time(time.encode()))
    except ValueError as error:
        return BadLine(line, f"time: {error}")
    for name, value in (("id", f"{stem}-{number}"), ("source", stem)):
        if body.get(name) is None:
            body[name] = value
    return FileEvent(line, time_ms, str(body.get("account_id", "")), body)
