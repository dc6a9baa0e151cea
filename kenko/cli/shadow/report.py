"""`kenko shadow report`: where the shadow and the live model disagree."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.table import Table

from kenko.cli.local_info import found_settings
from kenko.cli.model_file import read_model
from kenko.cli.printable import printable
from kenko.cli.say import count_of, foreseen, out
from kenko.cli.shadow.reading import Report, cells, read_report
from kenko.runtime.settings import Settings
from kenko.store.client import connect
from kenko.store.disagreement import ZONES, Seen

_ID_WIDTH = 40


def shadow_report(
    *,
    model: Annotated[Path, typer.Option(help="The health model that runs as a shadow.")],
    limit: Annotated[
        int, typer.Option(min=0, max=100_000, help="At most so many accounts, the most telling ones.")
    ] = 20,
    json: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
) -> None:
    """Count the accounts by live zone and shadow zone, and list those that differ, with what weighs most.

    Reads the Redis of the stack that runs here, or KENKO_REDIS_URL. Holds are part of a zone: wait until the shadow has
    caught up, and for the longest hold of its model, before you judge it.
    """
    with foreseen():
        settings, _ = found_settings(Settings, os.environ)
        report = asyncio.run(_read(settings, model, limit))
    if json:
        out.print(orjson.dumps(_plain(report)).decode(), markup=False, soft_wrap=True)
    else:
        _print(report)


async def _read(settings: Settings, model: Path, limit: int) -> Report:
    client = connect(settings.redis_url.get_secret_value())
    try:
        return await read_report(client, settings, read_model(model), limit)
    finally:
        await client.aclose()


def _print(report: Report) -> None:
    live = ", ".join(sorted(set(report.live.values())))
    out.print(f"live {live}, shadow {report.shadow}", markup=False)
    if report.behind:
        out.print(
            f"The shadow is {count_of(report.behind, 'offset')} behind: what follows is not its last word.",
            markup=False,
        )
    table = Table("live \\ shadow", *ZONES)
    for zone, numbers in cells(report):
        table.add_row(zone, *(f"{number:,}" for number in numbers))
    out.print(table)
    out.print(f"{report.disagree:,} of {count_of(report.accounts, 'account')} in another zone", markup=False)
    for account, reason in report.differing:
        name = printable(account.account_id, _ID_WIDTH)
        out.print(
            f"  {name:<{_ID_WIDTH}}{_words(account.live)} -> {_words(account.other)}  {reason}",
            markup=False,
            soft_wrap=True,
        )


def _words(seen: Seen) -> str:
    return seen.zone if seen.score is None else f"{seen.zone} {seen.score:.0f}"


def _plain(report: Report) -> dict[str, Any]:
    return {
        "shadow": report.shadow,
        "live": sorted(set(report.live.values())),
        "behind": report.behind,
        "accounts": report.accounts,
        "disagree": report.disagree,
        "zones": {live: dict(zip(ZONES, numbers, strict=True)) for live, numbers in cells(report)},
        "differing": [
            {
                "account_id": account.account_id,
                "live": account.live._asdict(),
                "shadow": account.other._asdict(),
                "reason": reason,
            }
            for account, reason in report.differing
        ],
    }
