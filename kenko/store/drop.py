"""Take keyspaces away, a piece at a time, so that a scorer that starts builds them anew from the log.

1. The fence of each is put on offset 0 of a log that nobody has. From now on a commit of a runner that still goes is
   refused, and no runner starts here: half of a keyspace is never taken for a whole one. A crash after it: run it again.
2. Rows, ids, due times and scores go. A crash in it: as above.
3. The fences go. A crash in it: those that are left still refuse; run it again.

What stays is the digests of forgotten accounts: without them the log could bring such an account back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kenko.store.client import AnyRedis
from kenko.store.keys import BEING_DROPPED, PartitionKeys
from kenko.store.redis_errors import translated
from kenko.store.survey import glob_safe

_SCAN_COUNT = 1000


async def drop(client: AnyRedis, spaces: Sequence[PartitionKeys], told: Callable[[int], None] = lambda _: None) -> int:
    """Take `spaces`, all of one prefix, away; the number of keys that are gone. `told` hears it as it grows.

    Goes once through all keys of the Redis; each piece is at most some thousand keys. May be repeated.

    Raises:
        TransientError: Redis is away. Run it again.
    """
    if not spaces:
        return 0
    for keys in spaces:
        with translated():
            await _refuse_commits(client, keys)
    bases = {keys.base for keys in spaces}
    kept = {name for keys in spaces for name in (keys.fence, keys.forgotten)}
    gone, piece = 0, list[str]()
    with translated():
        async for key in client.scan_iter(match=f"{glob_safe(spaces[0].prefix)}:*", count=_SCAN_COUNT):
            name = key.decode()
            if _base(name) in bases and name not in kept:
                piece.append(name)
            if len(piece) >= _SCAN_COUNT:
                gone += await _unlink(client, piece)
                told(gone)
        gone += await _unlink(client, piece)
        return gone + await _unlink(client, [keys.fence for keys in spaces])


async def _refuse_commits(client: Any, keys: PartitionKeys) -> None:
    # One command: a commit comes before it or after it. Its own fence is never at 0, so none after it is applied.
    nothing = {"now": "", "counts": "{}", "heard": "{}", "forwarded": "{}"}
    await client.hset(keys.fence, mapping={"offset": 0, "log": BEING_DROPPED, **nothing})


async def _unlink(client: Any, names: list[str]) -> int:
    """UNLINK frees large keys in the background. On a cluster the client sends each slot's keys to its node."""
    gone: int = await client.unlink(*names) if names else 0
    names.clear()
    return gone


def _base(name: str) -> str:
    """What the name of a key begins with, up to its partition's tag."""
    return name[: name.find("}:") + 2]
