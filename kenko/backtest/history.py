"""History: events from a file and the lifecycle beside them, in the order of their times."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

import orjson

from kenko.backtest.bad_lines import BadLines
from kenko.backtest.event_file import EventFileError
from kenko.backtest.history_csv import BROKEN_FILE, Timed, csv_events, csv_lifecycle
from kenko.backtest.open_text import TextFile, open_text
from kenko.dialects import plain
from kenko.dialects.problems import FieldError
from kenko.dialects.times import Received
from schemas.base import to_ms
from schemas.usage_event import UsageEvent

_JSON = (".jsonl", ".ndjson")
_FIRST = itemgetter(0)
_END = 1 << 62
_UNKNOWN = Received(None, None)


class OutOfOrderError(Exception):
    """The file is not in the order of event times: read it sorted."""


@dataclass
class History:
    """The files of a back-test. `read()` may be called again; a file is read as it is played, not kept."""

    events: Path
    lifecycle: Path | None = None
    wanted: Container[str] | None = None
    """The accounts to read; None: all."""
    is_sorted: bool = True
    """False: events are read into memory and sorted, for the file is not in the order of their times."""
    bad: list[BadLines] = field(default_factory=list)
    """Of each file, as far as it was read; the events first."""
    _open: TextFile | None = field(default=None, repr=False)

    @property
    def ids_repeat(self) -> bool:
        """False: no two events can have the same source and id, for rows of CSV are numbered, each file by itself."""
        paths = [self.events] if self.lifecycle is None else [self.events, self.lifecycle]
        return any(_suffix(path) != ".csv" for path in paths) or len({_source(path) for path in paths}) < len(paths)

    def share(self) -> float:
        """How much of the events' file was read, 0 to 1."""
        return 1.0 if self._open is None else self._open.share()

    def read(self) -> Iterator[Timed]:
        """All events by time; at the same time the lifecycle first, then in the files' order.

        Raises:
            EventFileError: a file cannot be read.
            OutOfOrderError: the events are not in the order of their times.
        """
        bad, other_bad = BadLines(self.events.name), BadLines("" if self.lifecycle is None else self.lifecycle.name)
        self.bad = [bad] if self.lifecycle is None else [bad, other_bad]
        slow = [] if self.lifecycle is None else sorted(self._lifecycle(self.lifecycle, other_bad), key=_FIRST)
        with open_text(self.events) as file:
            self._open = file
            fast = _events(file, self.events, bad, self.wanted)
            yield from _merged(slow, fast if self.is_sorted else iter(sorted(fast, key=_FIRST)))
        self._open = None

    def _lifecycle(self, path: Path, bad: BadLines) -> Iterator[Timed]:
        with open_text(path) as file:
            if _suffix(path) == ".csv":
                yield from _naming(path, csv_lifecycle(file, _source(path), bad, self.wanted))
            else:
                yield from _events(file, path, bad, self.wanted)


def _merged(slow: list[Timed], fast: Iterator[Timed]) -> Iterator[Timed]:
    """Two sorted runs; `slow` is short and stays in memory, `fast` is checked to be in order."""
    at, next_ms = 0, slow[0][0] if slow else _END
    newest_ms = -_END
    for item in fast:
        time_ms = item[0]
        if time_ms < newest_ms:
            raise OutOfOrderError
        newest_ms = time_ms
        while next_ms <= time_ms:
            yield slow[at]
            at += 1
            next_ms = slow[at][0] if at < len(slow) else _END
        yield item
    yield from slow[at:]


def _events(file: TextFile, path: Path, bad: BadLines, wanted: Container[str] | None) -> Iterator[Timed]:
    suffix = _suffix(path)
    if suffix == ".csv":
        return _naming(path, csv_events(file, _source(path), bad, wanted))
    if suffix in _JSON:
        return _json_events(file, _source(path), bad, wanted)
    raise EventFileError(f"{path}: must end in .jsonl, .ndjson or .csv, with or without .gz")


def _json_events(file: TextFile, source: str, bad: BadLines, wanted: Container[str] | None) -> Iterator[Timed]:
    """Events as POST /v1/events takes them, one a line."""
    line = 0
    try:
        for line, text in enumerate(file, start=1):
            if not text.strip():
                continue
            event = _json_event(line, text, source, bad)
            if event is not None and (wanted is None or event.account_id in wanted):
                yield to_ms(event.time), event
    except BROKEN_FILE as error:
        bad.add(line + 1, f"the compressed file is broken from here on: {error}")


def _json_event(line: int, text: str, source: str, bad: BadLines) -> UsageEvent | None:
    try:
        body = orjson.loads(text.encode("utf-8", "surrogateescape"))
        if not isinstance(body, dict):
            bad.add(line, "is not a JSON object")
            return None
        for name, value in (("id", str(line)), ("source", source)):
            if body.get(name) is None:
                body[name] = value
        return plain.read_event(body, _UNKNOWN)
    except orjson.JSONDecodeError as error:
        bad.add(line, f"is not JSON: {error.msg} at character {error.pos + 1}")
    except FieldError as error:
        bad.add(line, str(error))
    return None


def _naming(path: Path, items: Iterator[Timed]) -> Iterator[Timed]:
    """Say which file it is that cannot be read."""
    try:
        yield from items
    except EventFileError as error:
        raise EventFileError(f"{path}: {error}") from None


def _suffix(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _source(path: Path) -> str:
    """Folder and file, for the ids of rows that have none."""
    return f"{path.resolve().parent.name}/{Path(path.name.removesuffix('.gz')).stem}"
