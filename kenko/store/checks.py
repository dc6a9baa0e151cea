"""Is this Redis fit to hold state that must not get lost? Asked once, at start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from redis.asyncio import RedisCluster
from redis.exceptions import ResponseError

from kenko.store.client import AnyRedis
from kenko.store.redis_errors import translated

LEAST_MAJOR_VERSION = 7
"""Older servers do not know the script header by which a commit is refused as a whole when memory is full."""


class Check(StrEnum):
    """What is looked at."""

    VERSION = "version"
    EVICTION = "eviction"
    PERSISTENCE = "persistence"


class Severity(StrEnum):
    """How bad it is. What follows from it is the caller's to decide."""

    UNSAFE = "unsafe"
    """State can get lost, or commits cannot work."""
    UNKNOWN = "unknown"
    """The server does not say."""


@dataclass(frozen=True)
class Finding:
    """Something to mend, in words for the person who runs this Redis."""

    check: Check
    severity: Severity
    what: str
    why: str
    mend: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}. {self.mend}."


class Server(NamedTuple):
    """One server's INFO and CONFIG (empty where it was forbidden), as text and numbers."""

    info: Mapping[str, Any]
    config: Mapping[str, Any]


async def check_redis(client: AnyRedis) -> list[Finding]:
    """What is wrong with this Redis, each thing once even where several nodes have it; empty if all is well.

    Raises:
        TransientError: Redis cannot be reached now.
    """
    # In the order in which they were found, without repetitions.
    return list(dict.fromkeys(f for server in await read_servers(client) for f in judge(server.info, server.config)))


async def read_servers(client: AnyRedis) -> list[Server]:
    """What every primary says of itself.

    Raises:
        TransientError: Redis cannot be reached now.
    """
    with translated():
        infos = await _from_every_node(client, "INFO")
        try:
            configs = await _from_every_node(client, "CONFIG GET", "maxmemory-policy", "appendonly")
        except ResponseError:  # managed Redis forbids or renames CONFIG; INFO says nearly as much
            configs = [{} for _ in infos]
    return [Server(info, config) for info, config in zip(infos, configs, strict=True)]


def judge(info: Mapping[str, Any], config: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with one server, by its INFO and its CONFIG (empty where it was forbidden)."""
    findings = (
        _version(info.get("redis_version")),
        _eviction(config.get("maxmemory-policy") or info.get("maxmemory_policy")),
        _persistence(config.get("appendonly"), info.get("aof_enabled")),
    )
    return [finding for finding in findings if finding is not None]


def _version(version: object) -> Finding | None:
    major = str(version or "").partition(".")[0]
    if not major.isdigit():
        return Finding(
            Check.VERSION,
            Severity.UNKNOWN,
            what="Redis does not tell its version",
            why=f"commits need version {LEAST_MAJOR_VERSION} or newer",
            mend="Make sure of it",
        )
    if int(major) >= LEAST_MAJOR_VERSION:
        return None
    return Finding(
        Check.VERSION,
        Severity.UNSAFE,
        what=f"Redis is version {version}",
        why="it cannot refuse a whole commit when its memory is full",
        mend=f"Use version {LEAST_MAJOR_VERSION} or newer, or Valkey",
    )


def _eviction(policy: object) -> Finding | None:
    if policy == "noeviction":
        return None
    if policy is None:
        return Finding(
            Check.EVICTION,
            Severity.UNKNOWN,
            what="Redis does not tell its maxmemory-policy",
            why="with any other than noeviction it drops accounts in silence when memory is full",
            mend="Make sure it is noeviction",
        )
    return Finding(
        Check.EVICTION,
        Severity.UNSAFE,
        what=f"maxmemory-policy is {policy}",
        why="when memory is full Redis drops accounts in silence instead of refusing to write",
        mend="Set maxmemory-policy to noeviction",
    )


def _persistence(appendonly: object, aof_enabled: object) -> Finding | None:
    if appendonly == "yes" or str(aof_enabled) == "1":
        return None
    if appendonly is None and aof_enabled is None:
        return Finding(
            Check.PERSISTENCE,
            Severity.UNKNOWN,
            what="Redis does not tell whether it keeps an append-only file",
            why="without one a restart loses state and the scorer has to read the whole log again",
            mend="Make sure that appendonly is yes, or that replicas are kept",
        )
    return Finding(
        Check.PERSISTENCE,
        Severity.UNSAFE,
        what="the append-only file is off",
        why="a restart loses state and the scorer has to read the whole log again",
        mend="Set appendonly to yes (appendfsync everysec is enough)",
    )


async def _from_every_node(client: Any, command: str, *args: str) -> list[Mapping[str, Any]]:
    # client: Any, because redis-py leaves `execute_command` without types.
    if isinstance(client, RedisCluster):
        await client.initialize()
        targets: list[dict[str, Any]] = [{"target_nodes": node} for node in client.get_primaries()]
    else:
        targets = [{}]
    return [_as_text(await client.execute_command(command, *args, **target)) for target in targets]


def _as_text(answer: Mapping[Any, Any]) -> dict[str, Any]:
    return {_text(key): _text(value) for key, value in answer.items()}


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
