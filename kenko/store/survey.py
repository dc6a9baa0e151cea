"""Every keyspace of the scorer in a Redis, with what it holds and what it takes. It never writes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kenko.runtime.errors import PermanentError
from kenko.store.client import AnyRedis
from kenko.store.keys import DEFAULT_PREFIX, PartitionKeys
from kenko.store.port import Fence
from kenko.store.redis_errors import translated
from kenko.store.redis_partition import RedisPartitionStore

SAMPLE: Final = 20
"""Accounts whose rows are measured; the others are taken to be as large."""
LIVE_MS: Final = 75_000
"""A scorer commits at least once a minute, at a tick; one that was younger than this may have stopped since."""
_SCAN_COUNT: Final = 1000
_NAME: Final = re.compile(r"(?P<model>[^{}:]+):\{p(?P<partition>\d+)of(?P<partitions>\d+)-\d+\}:fence")


@dataclass(frozen=True)
class Keyspace:
    """The state of one partition under one model."""

    keys: PartitionKeys
    fence: Fence
    rows: int
    size: int | None
    """Bytes of memory, estimated from a sample of the rows; None: this Redis does not tell."""

    def is_live(self, now_ms: int) -> bool:
        """Whether somebody commits to it, as far as its newest tick tells: of a replay in log time it tells nothing."""
        return self.fence.now_ms is not None and abs(now_ms - self.fence.now_ms) < LIVE_MS


async def all_keyspaces(client: AnyRedis, *, prefix: str = DEFAULT_PREFIX) -> list[PartitionKeys]:
    """Those of every model and number of partitions that have a fence. Goes through all keys, a piece at a time.

    Raises:
        TransientError: Redis is away.
    """
    found: set[PartitionKeys] = set()
    with translated():
        async for key in client.scan_iter(match=f"{glob_safe(prefix)}:*:fence", count=_SCAN_COUNT):
            named = _NAME.fullmatch(key.decode(errors="replace").removeprefix(f"{prefix}:"))
            if named is not None and int(named["partition"]) < int(named["partitions"]):
                found.add(PartitionKeys(named["model"], int(named["partition"]), int(named["partitions"]), prefix))
    return sorted(found, key=lambda keys: (keys.model, keys.partitions, keys.partition))


async def survey(client: AnyRedis, spaces: Sequence[PartitionKeys]) -> list[Keyspace]:
    """What stands in `spaces`; one without a fence is gone meanwhile, and left out.

    Raises:
        TransientError: Redis is away.
    """
    found: list[Keyspace] = []
    for keys in spaces:
        fence = await RedisPartitionStore(client, keys).fence()
        if fence is None:
            continue
        with translated():
            rows: int = await client.zcard(keys.scores)
        try:
            size: int | None = await _size(client, keys, rows)
        except PermanentError:  # a managed Redis may forbid MEMORY USAGE; all else was answered
            size = None
        found.append(Keyspace(keys, fence, rows, size))
    return found


async def _size(client: Any, keys: PartitionKeys, rows: int) -> int:
    with translated():
        sample: list[bytes] = await client.zrandmember(keys.scores, min(rows, SAMPLE)) if rows else []
        whole = [keys.fence, keys.due, keys.scores, keys.forgotten]
        of_accounts = [name for member in sample for name in (keys.row(member.decode()), keys.ids(member.decode()))]
        pipeline = client.pipeline(transaction=False)
        for name in (*whole, *of_accounts):
            pipeline.memory_usage(name)
        measured = [used or 0 for used in await pipeline.execute()]
    shared, accounts = sum(measured[: len(whole)]), sum(measured[len(whole) :])
    return shared + (round(accounts * rows / len(sample)) if sample else 0)


def glob_safe(text: str) -> str:
    """`text` as part of a pattern that matches it alone."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", text)
