"""`kenko up`: everything on this machine, until Ctrl-C."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from time import sleep
from typing import Annotated

import typer

from kenko.cli.examples import DEFAULT_MODEL
from kenko.cli.local_info import LocalInfo
from kenko.cli.local_stack import LocalStack, StackOptions
from kenko.cli.model_file import read_model
from kenko.cli.say import foreseen, out
from kenko.cli.signals import Stopped, stops

WATCH_S = 0.5


class Time(StrEnum):
    """Where the time comes from."""

    WALL = "wall"
    LOG = "log"


def up(
    *,
    model: Annotated[
        Path, typer.Option(envvar="KENKO_MODEL", help="Health model; by default the one for any software business.")
    ] = DEFAULT_MODEL,
    key: Annotated[str | None, typer.Option(envvar="KENKO_INGEST_KEYS", help="API key; by default a new one.")] = None,
    time: Annotated[
        Time, typer.Option(envvar="KENKO_TIME", help="log: only `kenko replay` moves the time.")
    ] = Time.WALL,
    port: Annotated[int, typer.Option(envvar="KENKO_INGEST_PORT", help="Port of ingest; 0 takes a free one.")] = 0,
) -> None:
    """Start broker, Redis, ingest, scorer and alerter here, print where they are, and run until Ctrl-C.

    Servers that KENKO_KAFKA_URL and KENKO_REDIS_URL name are used instead of our own.
    """
    try:
        with foreseen(), stops():
            read_model(model)
            out.print("Starting …")
            with LocalStack(StackOptions(model=model, time=time.value, key=key, port=port)) as stack:
                _print(stack.info)
                _run(stack)
    except Stopped:
        out.print("Stopped.")


def _run(stack: LocalStack) -> None:
    """Until a signal comes or a service dies: whichever is first ends it."""
    while True:
        stack.check()
        sleep(WATCH_S)


def _print(info: LocalInfo) -> None:
    event = '{"id": "evt-1", "account_id": "acme", "user_id": "ann", "event": "Report Exported"}'
    lines = [
        "",
        f"  ingest     {info.ingest_url}",
        f"  key        {info.key}",
        f"  Kafka      {info.kafka_url}",
        f"  Redis      {info.redis_url}" if "@" not in info.redis_url else "  Redis      as KENKO_REDIS_URL says",
        *(f"  {name + ' metrics':<17} {url}/metrics" for name, url in info.ops_urls.items()),
        f"  model      {info.model}",
        f"  logs       {info.logs}",
        "",
        "Send an event:",
        "",
        f"  curl -sS {info.ingest_url}/v1/events \\",
        f"    -H 'Authorization: Bearer {info.key}' -H 'Content-Type: application/json' \\",
        f"    -d '{event}'",
        "",
        "Then, in another terminal of this folder: kenko explain acme",
        "Ctrl-C stops everything.",
    ]
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)
