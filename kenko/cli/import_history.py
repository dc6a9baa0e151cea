"""`kenko import`: load history from a file. It changes scores and alerts nobody."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from kenko.backtest.bad_lines import BadLines
from kenko.backtest.event_file import BadLine, FileEvent, read_lines
from kenko.backtest.parquet_rows import open_parquet, parquet_rows
from kenko.cli.import_bar import ImportBar
from kenko.cli.import_mark import ImportMark
from kenko.cli.local_info import found_settings
from kenko.cli.refusals import print_bad_lines
from kenko.cli.say import EXIT_FAILED, EXIT_STOPPED, count_of, foreseen, out
from kenko.cli.signals import Stopped, stops
from kenko.dialects import plain
from kenko.dialects.cloudevents import encode_event
from kenko.dialects.problems import FieldError
from kenko.dialects.sending import Origin
from kenko.dialects.times import Received
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings
from kenko.stream.producer import KafkaOutput, OutRecord
from kenko.stream.topics import ensure_topics
from schemas.base import from_ms
from schemas.topics import Topic

CHUNK: Final = 2_000
_HISTORY: Final = Origin(backfill=True)

Items = Iterator[FileEvent | BadLine]


class Imported(NamedTuple):
    """What became of a file."""

    accepted: int
    bad: BadLines


def import_history(
    file: Annotated[Path, typer.Argument(help="Events: .jsonl, .csv (either with .gz) or .parquet.")],
    *,
    rate: Annotated[float | None, typer.Option(help="Events a second at most; by default as fast as it goes.")] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Begin anew, not where an earlier run ended.")
    ] = False,
) -> None:
    """Load the history in FILE: JSON lines as POST /v1/events takes them, or columns account_id, event, ts and, if there
    are any, user_id, value.

    The events change scores and open no alert, however red an account turns out to be. A second run goes on where the
    first one was stopped, and repeats no event: one without an id gets file name and line as its id. What is older than
    the model looks back is counted as too late by the scorer.

    Writes to the Kafka of the stack that runs here, or KENKO_KAFKA_URL.
    """
    try:
        with foreseen(), stops():
            count, items = open_history(file)
            mark = ImportMark(file)
            done = 0 if from_start else mark.read()
            if done:
                out.print(f"Goes on behind line {done:,}, where an earlier run ended (--from-start begins anew).")
            settings, _ = found_settings(Settings, os.environ)
            with ImportBar(count, done) as bar:
                imported = asyncio.run(_import(settings, _after(items, done), mark, bar, rate))
    except Stopped:
        out.print("Stopped. The same command goes on from here.")
        raise typer.Exit(EXIT_STOPPED) from None
    out.print(f"{count_of(imported.accepted, 'event')} imported, {imported.bad.count:,} left out")
    print_bad_lines(imported.bad.first, "not an event")
    if not imported.accepted and imported.bad.count:
        raise typer.Exit(EXIT_FAILED)


def open_history(path: Path) -> tuple[int, Items]:
    """How many lines or rows the file has, and what they say.

    Raises:
        EventFileError: it cannot be read.
    """
    if path.suffix.lower() == ".parquet":
        file = open_parquet(path)
        return file.metadata.num_rows, parquet_rows(file, path.stem)
    return sum(1 for _ in read_lines(path)), read_lines(path)


def _after(items: Items, line: int) -> Items:
    return (item for item in items if item.line > line)


async def _import(settings: Settings, items: Items, mark: ImportMark, bar: ImportBar, rate: float | None) -> Imported:
    clock = SystemClock()
    bad, accepted = BadLines(""), 0
    await ensure_topics(
        settings.kafka_url,
        partitions=settings.partitions,
        replication=settings.kafka_replication,
        prefix=settings.topic_prefix,
    )
    output = KafkaOutput(settings, client_id="kenko-import")
    topic = settings.topic(Topic.USAGE_EVENTS)
    started = clock.monotonic()
    try:
        while chunk := list(islice(items, CHUNK)):
            now_ms = clock.now_ms()
            records = _records(chunk, topic, Received(from_ms(now_ms), now_ms), bad)
            # First the log, then the mark: a crash between repeats a chunk, with the same ids.
            await output.send(records)
            mark.write(chunk[-1].line)
            accepted += len(records)
            bar.report(chunk[-1].line, max((e.time_ms for e in chunk if isinstance(e, FileEvent)), default=now_ms))
            if rate is not None:
                await asyncio.sleep(max(0.0, started + accepted / rate - clock.monotonic()))
    finally:
        await output.stop()
    return Imported(accepted, bad)


def _records(chunk: list[FileEvent | BadLine], topic: str, received: Received, bad: BadLines) -> list[OutRecord]:
    records = []
    for item in chunk:
        if isinstance(item, BadLine):
            bad.add(item.line, item.message)
            continue
        try:
            record = encode_event(plain.read_event(item.body, received, _HISTORY))
        except FieldError as error:
            bad.add(item.line, str(error))
            continue
        records.append(OutRecord(topic, record.key, record.value, record.headers))
    return records
