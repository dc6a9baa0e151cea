"""RedisRebuildStore: the accounts of one partition in Redis, piece by piece, and back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import uuid4

from kenko.engine.rows import RowChange
from kenko.store.client import AnyRedis
from kenko.store.keys import PartitionKeys
from kenko.store.keyspaces import erase
from kenko.store.packing import pack
from kenko.store.rebuild_port import Pulse
from kenko.store.redis_errors import translated
from kenko.store.redis_partition import WITHOUT_SCORE
from kenko.store.row_value import join
from kenko.store.script import Script

_EPOCH: Final = "epoch"
"""A field of the fence, so that it goes when the fence goes."""
_RESTORE = Script.load("restore.lua")
_DIGESTS_AT_ONCE = 5000


class RedisRebuildStore:
    """One instance a partition. See `RebuildStore` for what the methods promise."""

    def __init__(self, client: AnyRedis, keys: PartitionKeys) -> None:
        self._client: Any = client
        self._keys = keys

    async def pulse(self) -> Pulse:
        with translated():
            offset, epoch = await self._client.hmget(self._keys.fence, ["offset", _EPOCH])
            if epoch is None:  # only now: a server whose memory is full refuses even a write that changes nothing
                await self._client.hsetnx(self._keys.fence, _EPOCH, uuid4().hex)
                offset, epoch = await self._client.hmget(self._keys.fence, ["offset", _EPOCH])
        return Pulse(None if offset is None else int(offset), (epoch or b"").decode())

    async def size(self) -> int:
        with translated():
            return int(await self._client.zcard(self._keys.scores))

    async def accounts(self, cursor: int, count: int) -> tuple[int, list[str]]:
        with translated():
            following, found = await self._client.zscan(self._keys.scores, cursor, count=count)
        return int(following), [member.decode() for member, _ in found]

    async def restore(self, rows: Sequence[RowChange]) -> bool:
        fields: list[bytes] = []
        for row in rows:
            score = WITHOUT_SCORE if row.score_centi is None else row.score_centi
            fields += (row.account_id.encode(), b"" if row.due_ms is None else b"%d" % row.due_ms, b"%d" % score)
            fields += (join(row.state, row.tail), b"%d" % len(row.id_chunks), *row.id_chunks)
        keys = [
            *(self._keys.fence, self._keys.due, self._keys.scores),
            *(self._keys.row(row.account_id) for row in rows),
            *(self._keys.ids(row.account_id) for row in rows),
        ]
        with translated():
            return bool(await _RESTORE.run(self._client, keys, [len(rows), pack(fields)]))

    async def forget(self, account_id: str, digest: bytes) -> None:  # noqa: ARG002 - the port's shape
        await erase(self._client, self._keys, account_id)

    async def note_forgotten(self, digests: Collection[bytes]) -> None:
        left = list(digests)
        with translated():
            for first in range(0, len(left), _DIGESTS_AT_ONCE):
                await self._client.sadd(self._keys.forgotten, *left[first : first + _DIGESTS_AT_ONCE])
