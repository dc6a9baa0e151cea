"""The twin of `RedisRebuildStore`, over the partition that a `MemoryPartitionStore` keeps."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kenko.engine.rows import RowChange
from kenko.store.memory_partition import MemoryPartition
from kenko.store.rebuild_port import Pulse


class MemoryRebuildStore:
    """See `RebuildStore`."""

    def __init__(self, partition: MemoryPartition) -> None:
        self._partition = partition

    async def pulse(self) -> Pulse:
        fence = self._partition.fence()
        return Pulse(None if fence is None else fence.offset, str(self._partition.epoch))

    async def size(self) -> int:
        return len(self._partition.scores)

    async def accounts(self, cursor: int, count: int) -> tuple[int, list[str]]:
        # New accounts come last. One that goes moves those behind it forward: `count` of them are given twice over.
        names = list(self._partition.scores)
        piece = names[max(0, cursor - count) : cursor + count]
        return (cursor + count if cursor + count < len(names) else 0), piece

    async def restore(self, rows: Sequence[RowChange]) -> bool:
        return self._partition.restore(rows)

    async def forget(self, account_id: str, digest: bytes) -> None:
        self._partition.forget(account_id, digest)

    async def note_forgotten(self, digests: Collection[bytes]) -> None:
        self._partition.note_forgotten(digests)
