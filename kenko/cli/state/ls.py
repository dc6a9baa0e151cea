"""`kenko state ls`: which state stands in Redis, of which models."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import orjson
import typer
from rich.table import Table

from kenko.cli.local_info import found_settings
from kenko.cli.say import count_of, foreseen, out
from kenko.cli.state.configured import configured_model
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings
from kenko.store.client import connect
from kenko.store.keys import BEING_DROPPED
from kenko.store.survey import Keyspace, all_keyspaces, survey
from schemas.base import from_ms

_MB = 1024 * 1024


def state_ls(*, json: Annotated[bool, typer.Option("--json", help="As JSON lines.")] = False) -> None:
    """List the state in Redis: a line for each model and partition.

    Looks at the Redis of the stack that runs here, or at KENKO_REDIS_URL. Reads only. Sizes are estimated from a sample.
    """
    with foreseen():
        settings, info = found_settings(Settings, os.environ)
        configured = configured_model(settings, info)
        found = asyncio.run(_look(settings))
    now_ms = SystemClock().now_ms()
    if json:
        for space in found:
            typer.echo(orjson.dumps(_facts(space, configured, settings, now_ms)).decode())
        return
    if not found:
        out.print(f"There is no state under the prefix {settings.redis_prefix}.", markup=False)
        return
    table = Table("model", "partition", "fence", "accounts", "size", "state", "newest tick")
    for space in found:
        table.add_row(
            space.keys.model,
            f"{space.keys.partition} of {space.keys.partitions}",
            f"{space.fence.offset:,}",
            f"{space.rows:,}",
            "not told" if space.size is None else f"{space.size / _MB:,.1f} MB",
            _state(space, configured, settings, now_ms),
            "none yet" if space.fence.now_ms is None else f"{from_ms(space.fence.now_ms):%Y-%m-%d %H:%M:%S}",
        )
    out.print(table)
    size = sum(space.size or 0 for space in found)
    accounts = sum(space.rows for space in found)
    out.print(f"{count_of(len(found), 'keyspace')}, {count_of(accounts, 'row')}, about {size / _MB:,.1f} MB")


async def _look(settings: Settings) -> list[Keyspace]:
    client = connect(settings.redis_url.get_secret_value())
    try:
        return await survey(client, await all_keyspaces(client, prefix=settings.redis_prefix))
    finally:
        await client.aclose()


def _state(space: Keyspace, configured: str | None, settings: Settings, now_ms: int) -> str:
    if space.fence.log_id == BEING_DROPPED:
        return "half dropped"
    ours = space.keys.model == configured and space.keys.partitions == settings.partitions
    return f"{'configured, ' if ours else ''}{'live' if space.is_live(now_ms) else 'stands still'}"


def _facts(space: Keyspace, configured: str | None, settings: Settings, now_ms: int) -> dict[str, object]:
    return {
        "model": space.keys.model,
        "partition": space.keys.partition,
        "partitions": space.keys.partitions,
        "fence": space.fence.offset,
        "log": space.fence.log_id,
        "rows": space.rows,
        "bytes": space.size,
        "configured": space.keys.model == configured and space.keys.partitions == settings.partitions,
        "live": space.is_live(now_ms),
        "newest_tick_ms": space.fence.now_ms,
    }
