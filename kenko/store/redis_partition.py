"""RedisPartitionStore: the state of one partition in Redis, committed by one script."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import msgspec

from kenko.engine.rows import Row
from kenko.engine.source_rhythm import Heard
from kenko.store.client import AnyRedis
from kenko.store.keys import PartitionKeys
from kenko.store.packing import pack, unpack
from kenko.store.port import MAX_ROWS_A_COMMIT, CommitOutcome, Fence, PartitionCommit
from kenko.store.redis_errors import translated
from kenko.store.row_value import join, split
from kenko.store.script import Script

WITHOUT_SCORE = -1
"""Stands in the scores for an account that has none, so that every account is in there."""

_COMMIT = Script.load("commit.lua")
_LOAD = Script.load("load.lua")
_COUNTS = msgspec.json.Decoder(dict[str, int])
_HEARD = msgspec.json.Decoder(dict[str, tuple[int, str]])
_FORWARDED = msgspec.json.Decoder(dict[int, int])
_FENCE_FIELDS = ["offset", "now", "counts", "log", "heard", "forwarded"]
_SILENT = "silent:"
"""Begins the name of a source among the counts: both are numbers that move with the fence."""
_SNAPSHOT = "snapshot_ms"
"""Another one among them."""


class RedisPartitionStore:
    """One instance a partition; the client may be shared by many. See `PartitionStore` for what the methods promise."""

    def __init__(self, client: AnyRedis, keys: PartitionKeys) -> None:
        self._client = client
        self._keys = keys
        self._commit = _COMMIT

    @property
    def keys(self) -> PartitionKeys:
        return self._keys

    async def fence(self) -> Fence | None:
        with translated():
            stored: Any = await self._client.hmget(self._keys.fence, _FENCE_FIELDS)
        offset, now_ms, counts, log_id, heard, forwarded = stored
        if offset is None:
            return None
        numbers = _COUNTS.decode(counts or b"{}")
        snapshot_ms = numbers.pop(_SNAPSHOT, None)
        return Fence(
            offset=int(offset),
            now_ms=int(now_ms) if now_ms else None,
            counts={name: number for name, number in numbers.items() if not name.startswith(_SILENT)},
            log_id=(log_id or b"").decode(),
            silent={name.removeprefix(_SILENT): ms for name, ms in numbers.items() if name.startswith(_SILENT)},
            heard={name: Heard(ms, int(hours, 16)) for name, (ms, hours) in _HEARD.decode(heard or b"{}").items()},
            forwarded=_FORWARDED.decode(forwarded or b"{}"),
            snapshot_ms=snapshot_ms,
        )

    async def forgotten(self) -> frozenset[bytes]:
        with translated():
            found: Any = await self._client.smembers(self._keys.forgotten)
        return frozenset(found)

    async def rows(self, account_ids: Iterable[str], *, with_ids: bool = True) -> dict[str, Row | None]:
        # One round trip, unless more are asked for than a commit could hold: a script holds up everybody else.
        remaining = iter(dict.fromkeys(account_ids))
        rows: dict[str, Row | None] = {}
        while batch := list(islice(remaining, MAX_ROWS_A_COMMIT)):
            keys = [*map(self._keys.row, batch), *(map(self._keys.ids, batch) if with_ids else ())]
            with translated():
                reply = await _LOAD.run(self._client, keys, [len(batch)])
            fields = iter(unpack(b"".join(reply)))
            for account_id in batch:
                rows[account_id] = None
                if chunks := next(fields):
                    value, ids = next(fields), list(islice(fields, int(chunks)))
                    rows[account_id] = split(value, ids if with_ids else None)
        return rows

    async def due(self, until_ms: int, limit: int) -> list[tuple[int, str]]:
        if limit <= 0:
            return []
        with translated():
            found: Any = await self._client.zrange(
                self._keys.due, "-inf", str(until_ms), byscore=True, offset=0, num=limit, withscores=True
            )
        return [(int(due_ms), member.decode()) for member, due_ms in found]

    async def next_due(self) -> int | None:
        with translated():
            found: Any = await self._client.zrange(self._keys.due, 0, 0, withscores=True)
        return int(found[0][1]) if found else None

    async def commit(self, commit: PartitionCommit) -> CommitOutcome:
        keys, args = self._pack(commit)
        with translated():
            applied = await self._commit.run(self._client, keys, args)
        return CommitOutcome.APPLIED if applied == 1 else CommitOutcome.REFUSED

    def _pack(self, commit: PartitionCommit) -> tuple[list[str], list[str | bytes | int]]:
        """KEYS and ARGV of commit.lua."""
        rows, fence = commit.rows, commit.fence
        with_ids = [change for change in rows if change.id_chunks or change.drop_ids_through is not None]
        keys = [
            *(self._keys.fence, self._keys.due, self._keys.scores, self._keys.forgotten),
            *(self._keys.row(change.account_id) for change in rows),
            *(self._keys.ids(change.account_id) for change in with_ids),
            *(key for account_id in commit.erased for key in (self._keys.row(account_id), self._keys.ids(account_id))),
        ]
        fields: list[bytes] = []
        for change in with_ids:
            fields += (_digits(change.drop_ids_through), _digits(len(change.id_chunks)), *change.id_chunks)
        fields += [join(change.state, change.tail) for change in rows]
        for change in rows:
            score = WITHOUT_SCORE if change.score_centi is None else change.score_centi
            fields += (change.account_id.encode(), _digits(change.due_ms), _digits(score))
        return keys, [
            *(_digits(commit.expected), fence.offset, _digits(fence.now_ms)),
            *(_numbers(fence), fence.log_id, _heard(fence), msgspec.json.encode(fence.forwarded)),
            *(len(rows), len(with_ids), len(fields), pack(fields), commit.role.value),
            *(part for account_id, digest in commit.erased.items() for part in (account_id.encode(), digest)),
        ]


def _digits(value: int | None) -> bytes:
    """As the script reads a number; None is the empty string."""
    return b"" if value is None else b"%d" % value


def _numbers(fence: Fence) -> bytes:
    snapshot = {} if fence.snapshot_ms is None else {_SNAPSHOT: fence.snapshot_ms}
    silent = {_SILENT + source: ms for source, ms in fence.silent.items()}
    return msgspec.json.encode({**fence.counts, **silent, **snapshot})


def _heard(fence: Fence) -> bytes:
    """The hours in hexadecimal: they are more bits than a number in JSON may have."""
    return msgspec.json.encode({name: (heard.last_ms, f"{heard.hours:x}") for name, heard in fence.heard.items()})
