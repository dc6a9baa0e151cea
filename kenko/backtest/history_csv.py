"""Read CSV fast: events (`account_id,user_id,event,ts,value`) and lifecycle rows. One event a row, millions of rows.

Rows carry no ids: folder, file and row number stand for one, and a second run repeats them.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Container, Iterator
from typing import Any

from kenko.backtest.bad_lines import BadLines
from kenko.backtest.event_file import EventFileError
from kenko.backtest.lean_event import LeanEvent, known_identifiers, known_names
from kenko.backtest.open_text import TextFile
from kenko.backtest.time_column import TimeColumn
from kenko.engine.usage import Usage

Timed = tuple[int, Usage]
"""Event time in milliseconds, and the event."""
BROKEN_FILE = (EOFError, zlib.error, gzip.BadGzipFile)
_NOTHING: dict[str, Any] = {}


def csv_events(file: TextFile, source: str, bad: BadLines, wanted: Container[str] | None = None) -> Iterator[Timed]:
    """Events in the file's order. `wanted`: the accounts to read; None: all.

    Raises:
        EventFileError: the first line does not name the columns.
    """
    rows, columns = _open(file, ("account_id", "event", "ts"))
    at_account, at_event, at_ts = (columns.index(name) for name in ("account_id", "event", "ts"))
    at_user = columns.index("user_id") if "user_id" in columns else None
    at_value = columns.index("value") if "value" in columns else None
    accounts, users, names = known_identifiers("account_id"), known_identifiers("user_id"), known_names("event")
    known_accounts, known_users, known_events = accounts.good, users.good, names.good
    width = len(columns)
    read_time = TimeColumn().read
    number = 0
    for row in _each(rows, bad):
        number += 1
        if len(row) != width:
            bad.add(rows.line_num, f"has {len(row)} fields, the first line has {width}")
            continue
        account_id = known_accounts.get(row[at_account])
        if account_id is None and wanted is not None and row[at_account] not in wanted:
            continue
        try:
            time_ms = read_time(row[at_ts])
            if account_id is None:
                account_id = accounts.learn(row[at_account])
            event = known_events.get(row[at_event]) or names.learn(row[at_event])
            user = "" if at_user is None else row[at_user]
            user_id = (known_users.get(user) or users.learn(user)) if user else None
            value = "" if at_value is None else row[at_value]
            properties = {"value": _number(value)} if value else _NOTHING
        except ValueError as error:
            bad.add(rows.line_num, str(error))
            continue
        yield time_ms, LeanEvent(account_id, user_id, event, properties, source, number)


def csv_lifecycle(file: TextFile, source: str, bad: BadLines, wanted: Container[str] | None = None) -> Iterator[Timed]:
    """Rows of `ts,account_id,type,…`: an event named by `type`; the other columns that are not empty are properties.

    What reads as a number is one. Raises EventFileError as `csv_events`.
    """
    rows, columns = _open(file, ("ts", "account_id", "type"))
    at_account, at_type, at_ts = (columns.index(name) for name in ("account_id", "type", "ts"))
    others = [(at, name) for at, name in enumerate(columns) if name not in ("ts", "account_id", "type")]
    accounts, names, times = known_identifiers("account_id"), known_names("type"), TimeColumn()
    number = 0
    for row in _each(rows, bad):
        number += 1
        if len(row) != len(columns):
            bad.add(rows.line_num, f"has {len(row)} fields, the first line has {len(columns)}")
            continue
        if wanted is not None and row[at_account] not in wanted:
            continue
        try:
            time_ms = times.read(row[at_ts])
            accounts.learn(row[at_account])
            names.learn(row[at_type])
            properties = {name: _number_or_text(row[at]) for at, name in others if row[at]}
        except ValueError as error:
            bad.add(rows.line_num, str(error))
            continue
        yield time_ms, LeanEvent(row[at_account], None, row[at_type], properties, source, number)


def _open(file: TextFile, needed: tuple[str, ...]) -> tuple[Any, list[str]]:
    rows = csv.reader(file)
    try:
        columns = next(rows, [])
    except (csv.Error, *BROKEN_FILE) as error:
        raise EventFileError(f"cannot be read: {error}") from None
    missing = [name for name in needed if name not in columns]
    if missing:
        raise EventFileError(f"the first line must name the columns; missing: {', '.join(missing)}")
    return rows, columns


def _each(rows: Any, bad: BadLines) -> Iterator[list[str]]:
    """Rows that are not empty. A compressed file that was cut off still has good lines before the cut."""
    while True:
        try:
            for row in rows:
                if row:
                    yield row
        except csv.Error as error:
            bad.add(rows.line_num, f"is not CSV: {error}")
            continue
        except BROKEN_FILE as error:
            bad.add(rows.line_num + 1, f"the compressed file is broken from here on: {error}")
        return


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"value: {text!r} is no number") from None


def _number_or_text(text: str) -> float | int | str:
    text.encode()  # a byte that is no UTF-8 spoils the line
    for read in (int, float):
        try:
            return _finite(read, text)
        except ValueError:
            continue
    return text


def _finite(read: Callable[[str], float | int], text: str) -> float | int:
    """`nan` and `inf` stay text, and so does `1_000`."""
    if text[-1] not in "0123456789." or "_" in text:
        raise ValueError(text)
    return read(text)
