"""Labels: when each account really began, left, and how long it was watched. The truth; never fed to a scorer."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from kenko.backtest.event_file import EventFileError
from kenko.backtest.open_text import open_text
from kenko.dialects.times import parse_time
from schemas.base import to_ms

_COLUMNS = ("account_id", "start_date", "churn_date", "observed_until")
_DATE = len("2026-03-01")


class LabelFileError(EventFileError):
    """The labels cannot be used. Half a truth would give wrong figures, so one bad line is enough."""


class Label(NamedTuple):
    """One account. Times are milliseconds since 1970-01-01 UTC."""

    start_ms: int
    churn_ms: int | None
    """When it left; None: it was still there at `until_ms`."""
    until_ms: int
    """Until when it was watched."""


Labels = Mapping[str, Label]
"""By account id, in the file's order: figures that draw random numbers depend on it."""


def load_labels(path: Path) -> dict[str, Label]:
    """Read `account_id,start_date,churn_date,observed_until`; dates are ISO 8601, a day means its midnight UTC.

    A churn after `observed_until` was not seen, so it counts as none.

    Raises:
        LabelFileError: no such file, a column is missing, or a line is wrong; names file and line.
    """
    labels: dict[str, Label] = {}
    with open_text(path) as file:
        rows = csv.DictReader(file)
        missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise LabelFileError(f"{path}: the first line must name the columns; missing: {', '.join(missing)}")
        for account_id, label in _read(path, rows):
            if account_id in labels:
                raise LabelFileError(f"{path}: line {rows.line_num}: {account_id!r} stands there twice")
            labels[account_id] = label
    if not labels:
        raise LabelFileError(f"{path}: holds no account")
    return labels


def _read(path: Path, rows: csv.DictReader[str]) -> Iterator[tuple[str, Label]]:
    try:
        for row in rows:
            try:
                account_id = _text(row, "account_id")
                start_ms, until_ms = _time(row, "start_date"), _time(row, "observed_until")
                churn_ms = _time(row, "churn_date") if (row["churn_date"] or "").strip() else None
            except ValueError as error:
                raise LabelFileError(f"{path}: line {rows.line_num}: {error}") from None
            if churn_ms is not None and churn_ms > until_ms:
                churn_ms = None
            yield account_id, Label(start_ms, churn_ms, until_ms)
    except csv.Error as error:
        raise LabelFileError(f"{path}: line {rows.line_num}: is not CSV: {error}") from None


def _text(row: Mapping[str, str | None], column: str) -> str:
    text = (row[column] or "").strip()
    if not text:
        raise ValueError(f"{column}: is empty")
    return text


def _time(row: Mapping[str, str | None], column: str) -> int:
    text = _text(row, column)
    try:
        return to_ms(parse_time((f"{text}T00:00:00Z" if len(text) == _DATE else text).encode()))
    except ValueError as error:
        raise ValueError(f"{column}: {text!r} {error}") from None
