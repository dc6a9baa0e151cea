"""`kenko state drop`: take state out of Redis, so that the scorers build it anew from the log, or not at all."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

from kenko.cli.local_info import found_settings
from kenko.cli.say import EXIT_FAILED, EXIT_USAGE, count_of, err, fail, foreseen, out
from kenko.cli.state.configured import configured_model
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings
from kenko.store.client import connect
from kenko.store.drop import drop
from kenko.store.keys import BEING_DROPPED
from kenko.store.survey import Keyspace, all_keyspaces, survey


def state_drop(
    *,
    model: Annotated[
        str | None, typer.Option(metavar="NAME-HASH", help="Of this model, as `state ls` names it.")
    ] = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, help="Laid out for so many partitions, whatever the model.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without it, only what would go is said.")] = False,
) -> None:
    """Take the state of a model, or of a number of partitions, out of Redis. There is no way back but the log.

    A scorer that starts afterwards builds it anew from what the log still holds. Stop the scorers first: what somebody
    commits to is refused. Alerts stay, and so do the hashes of forgotten accounts.

    Works on the Redis of the stack that runs here, or on KENKO_REDIS_URL.
    """
    if model is None and partitions is None:
        fail("Which? Give --model, --partitions, or both. `kenko state ls` shows what there is.", code=EXIT_USAGE)
    with foreseen():
        settings, info = found_settings(Settings, os.environ)
        configured = configured_model(settings, info)
        asyncio.run(_drop(settings, model, partitions, configured=configured, yes=yes))


async def _drop(
    settings: Settings, model: str | None, partitions: int | None, *, configured: str | None, yes: bool
) -> None:
    client = connect(settings.redis_url.get_secret_value())
    try:
        named = [
            keys
            for keys in await all_keyspaces(client, prefix=settings.redis_prefix)
            if model in (None, keys.model) and partitions in (None, keys.partitions)
        ]
        found = await survey(client, named)
        if not found:
            fail("There is no such state. `kenko state ls` shows what there is.")
        _say(found, configured, settings)
        _refuse_live(found)
        if not yes:
            fail("Nothing was dropped. To drop it, give --yes.", code=EXIT_USAGE)
        gone = await drop(client, named, lambda number: err.print(f"{number:,} keys", markup=False))
    finally:
        await client.aclose()
    out.print(f"dropped: {count_of(gone, 'key')}", markup=False)


def _say(found: list[Keyspace], configured: str | None, settings: Settings) -> None:
    for name in sorted({(space.keys.model, space.keys.partitions) for space in found}):
        of = [space for space in found if (space.keys.model, space.keys.partitions) == name]
        ours = ": the configured model's" if name == (configured, settings.partitions) else ""
        rows = count_of(sum(space.rows for space in of), "account")
        out.print(f"{name[0]}, {len(of)} of {count_of(name[1], 'partition')}, {rows}{ours}", markup=False)


def _refuse_live(found: list[Keyspace]) -> None:
    now_ms = SystemClock().now_ms()
    live = [space for space in found if space.is_live(now_ms) and space.fence.log_id != BEING_DROPPED]
    if live:
        age_s = min(abs(now_ms - (space.fence.now_ms or 0)) for space in live) // 1000
        fail(
            f"Somebody commits to {count_of(len(live), 'keyspace')} of these: the newest tick is {age_s} s old."
            " Stop the scorers, wait until it is more than a minute, and run this again.",
            code=EXIT_FAILED,
        )
