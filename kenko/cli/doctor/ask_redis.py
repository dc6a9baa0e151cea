"""Gather what Redis tells of itself, and the fences of the scorer's state. Reads only."""

from __future__ import annotations

import re
from typing import Any, Final

from redis.asyncio import RedisCluster

from kenko.cli.doctor.facts import RedisFacts, StateFacts
from kenko.model import HealthModel
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings
from kenko.store.checks import read_servers
from kenko.store.client import AnyRedis
from kenko.store.keys import model_part
from kenko.store.keyspaces import live_models
from kenko.store.reader import StateReader
from kenko.store.redis_errors import translated

SEARCH_S: Final = 5.0
"""Looking for the fences of other models walks over every key; what is not found by then is not named."""
_KEYS_A_STEP: Final = 5_000
_FENCE: Final = re.compile(r"(?P<model>[^{}]+):\{p\d+of(?P<partitions>\d+)-\d+\}:fence")


async def ask_redis(client: AnyRedis) -> RedisFacts:
    """Every primary.

    Raises:
        TransientError: Redis does not answer.
        PermanentError: it refuses.
    """
    return RedisFacts(await read_servers(client))


async def ask_state(client: AnyRedis, settings: Settings, model: HealthModel) -> StateFacts:
    """The fences of `model`, or who else has some; raises as `ask_redis`."""
    name = model_part(model.name, model.state_hash)
    prefix = settings.redis_prefix
    fences = await StateReader(client, model=name, partitions=settings.partitions, prefix=prefix).fences()
    others = [] if any(fences.values()) else await _others(client, prefix)
    return StateFacts(name, fences, others, await live_models(client, settings.partitions, prefix=prefix))


async def _others(client: Any, prefix: str) -> list[str]:
    """`model, N partitions` of every model with a fence under `prefix`. `client`: redis-py's scans have no one type."""
    clock = SystemClock()
    deadline_s = clock.monotonic() + SEARCH_S
    if isinstance(client, RedisCluster):
        await client.initialize()
    found: set[tuple[str, int]] = set()
    with translated():
        async for key in client.scan_iter(match=f"{prefix}:*:fence", count=_KEYS_A_STEP):
            named = _FENCE.fullmatch(key.decode(errors="replace").removeprefix(f"{prefix}:"))
            if named is not None:
                found.add((named["model"], int(named["partitions"])))
            if clock.monotonic() > deadline_s:
                break
    return [f"{model} with {partitions} partitions" for model, partitions in sorted(found)]
