"""Events of a Parquet file: the columns of a CSV, typed. Needs the extra `kenko[parquet]`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kenko.backtest.event_file import BadLine, EventFileError, FileEvent
from kenko.dialects.times import parse_time
from schemas.base import to_ms

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

NEEDED: Final = ("account_id", "event", "ts")
_TEXTS: Final = ("id", "source", "user_id")
_ROWS_AT_ONCE: Final = 10_000


def open_parquet(path: Path) -> ParquetFile:
    """The file, its columns looked at.

    Raises:
        EventFileError: it cannot be read, has not the columns that are needed, or the extra is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415 - as above
    except ModuleNotFoundError:
        raise EventFileError(f"{path}: Parquet needs an extra: pip install 'kenko[parquet]'") from None
    try:
        file = ParquetFile(path)
    except FileNotFoundError:
        raise EventFileError(f"{path}: there is no such file") from None
    except (OSError, pa.ArrowException) as error:
        raise EventFileError(f"{path}: is not Parquet: {error}") from None
    missing = [name for name in NEEDED if name not in file.schema_arrow.names]
    if missing:
        raise EventFileError(f"{path}: lacks the columns {', '.join(missing)}")
    return file


def parquet_rows(file: ParquetFile, stem: str) -> Iterator[FileEvent | BadLine]:
    """Its events, in its order. `value` becomes a property of that name; `properties` may be a struct or a map of plain
    values. An event without an id gets file name and row number, which a second run repeats.
    """
    number = 0
    for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
        for row in batch.to_pylist():
            number += 1
            yield _event(number, row, stem)


def _event(number: int, row: dict[str, Any], stem: str) -> FileEvent | BadLine:
    time = row["ts"]
    if isinstance(time, datetime):
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        text = time.isoformat()
    elif isinstance(time, str):
        text = time
    else:
        return BadLine(number, "ts: must be a timestamp or a text such as 2026-03-01T12:00:00Z")
    try:
        time_ms = to_ms(parse_time(text.encode()))
    except ValueError as error:
        return BadLine(number, f"ts: {error}")
    body: dict[str, Any] = {"account_id": _text(row["account_id"]), "event": row["event"], "time": text}
    body |= {name: _text(row[name]) for name in _TEXTS if row.get(name) is not None}
    properties = _properties(row)
    if properties:
        body["properties"] = properties
    body.setdefault("id", f"{stem}-{number}")
    body.setdefault("source", stem)
    return FileEvent(number, time_ms, str(body["account_id"]), body)


def _properties(row: dict[str, Any]) -> dict[str, Any]:
    given = row.get("properties")
    properties = dict(given) if given else {}  # a map comes as a list of pairs
    if row.get("value") is not None:
        properties["value"] = row["value"]
    return {name: value for name, value in properties.items() if value is not None}


def _text(value: Any) -> Any:
    """Ids are often stored as numbers."""
    return str(value) if type(value) is int else value
