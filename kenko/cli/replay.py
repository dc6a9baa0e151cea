"""`kenko replay`: play a file through ingest, Kafka, scorer, Redis and alerter in accelerated time."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from kenko.backtest.event_source import open_source
from kenko.backtest.replay import Pace
from kenko.cli.durations import read_duration, read_speed, read_time
from kenko.cli.local_info import found_settings
from kenko.cli.model_file import read_model
from kenko.cli.play import Target, play
from kenko.cli.refusals import print_sent, print_source
from kenko.cli.replay_bar import ReplayBar
from kenko.cli.say import EXIT_FAILED, EXIT_STOPPED, EXIT_USAGE, fail, foreseen, out
from kenko.cli.signals import Stopped, stops
from kenko.runtime.settings import Settings


def replay(
    file: Annotated[Path, typer.Argument(help="Events: .jsonl, .csv, either with .gz.")],
    *,
    speed: Annotated[str, typer.Option(help="Event time per wall time: 86400 is a day a second; or max.")] = "max",
    tick: Annotated[str, typer.Option(help="Event time between two ticks (time: log).")] = "1h",
    url: Annotated[str | None, typer.Option(envvar="KENKO_URL", help="Ingest.")] = None,
    key: Annotated[str | None, typer.Option(envvar="KENKO_KEY", help="API key of ingest.")] = None,
    until: Annotated[str | None, typer.Option(help="Event time to stop at.")] = None,
    model: Annotated[Path | None, typer.Option(envvar="KENKO_MODEL", help="Shows zones so far.")] = None,
) -> None:
    """Play FILE against the stack that runs here, or the one that KENKO_* and --url name.

    With KENKO_TIME=log the replay also writes the ticks. With the default, wall time, it sends the events alone: old ones are too
    late there.
    """
    pace = Pace(interval_ms=read_duration(tick), speed=read_speed(speed))
    until_ms = None if until is None else read_time(until)
    try:
        with foreseen(), stops():
            settings, info = found_settings(Settings, os.environ)
            url = url or (info.ingest_url if info else None)
            key = key or (info.key if info else None)
            model = model or (info.model if info else None)
            if url is None:
                fail("Where is ingest? Start `kenko up` in this folder, or give --url and --key.", code=EXIT_USAGE)
            source = open_source(file)
            print_source(source)
            if settings.time == "wall":
                out.print("Time is wall time: no ticks are written. Start with KENKO_TIME=log to replay the time too.")
            target = Target(url, key, settings, None if model is None else read_model(model))
            with ReplayBar(source, pace) as bar:
                played = asyncio.run(play(source, target, pace, bar, until_ms=until_ms))
    except Stopped:
        out.print("Stopped.")
        raise typer.Exit(EXIT_STOPPED) from None
    print_sent(played.sent)
    if played.sent.accepted == 0:
        raise typer.Exit(EXIT_FAILED)
