"""RedisSuccession: the live pointer and the roles of a partition's keyspaces in Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from kenko.runtime.errors import TransientError
from kenko.store.client import AnyRedis
from kenko.store.keys import PartitionKeys
from kenko.store.keyspaces import keyspaces
from kenko.store.redis_errors import translated
from kenko.store.redis_partition import RedisPartitionStore
from kenko.store.roles import Role
from kenko.store.script import Script
from kenko.store.succession import Claim, LiveFence, NoLiveKeyspaceError, ShadowEndedError

_SCRIPT = Script.load("succession.lua")
_PAGE = 500
_TRIES = 5


class RedisSuccession:
    """One instance a partition; see `Succession` for what the methods promise."""

    def __init__(self, client: AnyRedis, keys: PartitionKeys, log_id: str) -> None:
        """`keys` are those of the caller's model. `log_id`: only a keyspace made from this log is found without a pointer."""
        self._client = client
        self._keys = keys
        self.own = keys.model
        self._log_id = log_id

    async def claim(self, layout: bytes) -> Claim:
        for _ in range(_TRIES):
            live = await self._pointer() or await self._point_somewhere()
            said, offset = await self._run("claim", live, layout)
            if said == Role.BUILDING:
                return Claim(Role.BUILDING, live, int(offset))
            if said == "live":
                return Claim(Role.LIVE)
        raise TransientError("the live pointer is moved by somebody else all the time")

    async def claim_shadow(self, layout: bytes) -> Claim:
        for _ in range(_TRIES):
            live = await self._pointer()
            if live is None:
                raise NoLiveKeyspaceError(f"no model is live on partition {self._keys.partition} yet")
            said, _ = await self._run("claim_shadow", live, layout)
            if said == Role.SHADOW:
                return Claim(Role.SHADOW, live)
            if said == "ended":
                raise ShadowEndedError(
                    f"{self._keys.model} is live on partition {self._keys.partition}, or is about to be"
                )
        raise TransientError("the live pointer is moved by somebody else all the time")

    async def live_fence(self) -> LiveFence | None:
        live = await self._pointer()
        if live is None:
            return None
        with translated():
            offset: Any = await self._client.hget(self._of(live).fence, "offset")
        return LiveFence(live, None if offset is None else int(offset))

    async def move(self, live: str, at: int) -> bool:
        said, _ = await self._run("move", live, at)
        return said == "live"

    def store(self, model: str) -> RedisPartitionStore:
        return RedisPartitionStore(self._client, self._of(model))

    async def layout(self, model: str) -> bytes | None:
        with translated():
            found: Any = await self._client.get(self._of(model).layout)
        return None if found is None else bytes(found)

    async def accounts(self, model: str) -> AsyncIterator[list[str]]:
        scores, cursor = self._of(model).scores, 0
        while True:
            with translated():
                reply: Any = await self._client.zscan(scores, cursor, count=_PAGE)
            cursor, found = reply
            if found:
                yield [member.decode() for member in dict.fromkeys(member for member, _ in found)]
            if cursor == 0:
                return

    async def unknown(self, model: str, account_ids: Sequence[str]) -> list[str]:
        if not account_ids:
            return []
        with translated():
            scores: Any = await self._client.zmscore(self._of(model).scores, list(account_ids))
        return [account_id for account_id, score in zip(account_ids, scores, strict=True) if score is None]

    def _of(self, model: str) -> PartitionKeys:
        return replace(self._keys, model=model)

    async def _pointer(self) -> str | None:
        with translated():
            found: Any = await self._client.get(self._keys.live)
        return None if found is None else bytes(found).decode()

    async def _point_somewhere(self) -> str:
        """Set the pointer where there is none: at a first start, or where a version without pointers ran before.

        Ours where it has a fence and was no shadow. Else, of the others made from this log, the one that is ahead: it ran
        last. Else ours: this is a first start. Going through all keys happens once in the life of a partition.
        """
        own = self._keys.model
        chosen = own
        if await self._offset_if_live(self._keys) is None:
            found = await keyspaces(self._client, self._keys.partition, self._keys.partitions, prefix=self._keys.prefix)
            offsets = {keys.model: offset for keys in found if (offset := await self._offset_if_live(keys)) is not None}
            chosen = max(offsets, key=lambda model: (offsets[model], model), default=own)
        with translated():
            await self._client.set(self._keys.live, chosen, nx=True)
        return await self._pointer() or chosen

    async def _offset_if_live(self, keys: PartitionKeys) -> int | None:
        """The fence of a keyspace that may have been live; None for one that never was, or of another log."""
        with translated():
            reply: Any = await self._client.hmget(keys.fence, ["offset", "role", "log"])
        offset, role, log = reply
        was_live = (role or b"").decode() in (Role.LIVE, Role.LEFT)
        return int(offset) if offset is not None and was_live and (log or b"").decode() == self._log_id else None

    async def _run(self, command: str, live: str, given: bytes | int) -> tuple[str, str]:
        own, other = self._keys, self._of(live)
        keys = [own.live, own.fence, other.fence, own.layout, own.forgotten, other.forgotten]
        with translated():
            said, offset = await _SCRIPT.run(self._client, keys, [command, own.model, live, given])
        return said.decode(), offset.decode()
