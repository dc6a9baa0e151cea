"""`kenko doctor`: what is wrong with this set-up, and how to mend it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from kenko.cli.doctor.checks import examine
from kenko.cli.doctor.gather import gather
from kenko.cli.doctor.ingest_report import IngestPlace
from kenko.cli.doctor.report import as_json, failed, print_findings
from kenko.cli.local_info import LocalInfo, found_settings
from kenko.cli.say import EXIT_FAILED, foreseen, out
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings


def doctor(
    *,
    model: Annotated[
        Path | None, typer.Option(help="Health model; by default KENKO_MODEL, or the one of the stack that runs here.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(envvar="KENKO_URL", help="Ingest, to ask what is wrong with the events it is sent.")
    ] = None,
    key: Annotated[str | None, typer.Option(envvar="KENKO_KEY", help="API key of scope read, for --url.")] = None,
    json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
) -> None:
    """Look at Kafka, the log, ingest, Redis, the scorer, the model and the keys, and say for each fault what mends it.

    Reads only. Exits with 1 if any check fails, with 2 if a setting is wrong. Run it with the settings of the scorer and
    ingest: it looks at the stack that runs here, or at KENKO_KAFKA_URL and KENKO_REDIS_URL.
    """
    with foreseen():
        settings, info = found_settings(Settings, os.environ)
    facts = gather(settings, info, model=model, environ=os.environ, clock=SystemClock(), ingest=_place(url, key, info))
    findings = examine(asyncio.run(facts))
    if json:
        out.print(as_json(findings), markup=False, soft_wrap=True)
    else:
        print_findings(findings)
    if failed(findings):
        raise typer.Exit(EXIT_FAILED)


def _place(url: str | None, key: str | None, info: LocalInfo | None) -> IngestPlace | None:
    """The ingest that is named, else that of the local stack. The local key goes to no other address."""
    if url is not None:
        return IngestPlace(url, key)
    return None if info is None else IngestPlace(info.ingest_url, key or info.key)
