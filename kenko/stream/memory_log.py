"""MemoryLog: the in-memory twin of a partition of Kafka as its reader sees it. For tests and simulations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kenko.stream.batches import Batch


class MemoryRecord(NamedTuple):
    """The fields of a ConsumerRecord that are read here."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class MemoryLog:
    """A partition with its reader's position. Implements `PartitionLog`."""

    def __init__(self, topic: str = "kenko.usage-events.v1", partition: int = 0) -> None:
        self.topic = topic
        self.partition = partition
        self.records: list[MemoryRecord] = []
        self.end = 0
        self.start = 0
        self.position = 0
        self.held = False
        self.committed: int | None = None
        """What the consumer group committed."""
        self.seeks: list[int] = []
        self._follows = 0

    def append(
        self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]] = (), *, timestamp: int = 0
    ) -> int:
        """Write a record; its offset."""
        offset = self.end
        self.records.append(MemoryRecord(self.topic, self.partition, offset, timestamp, key, value, headers))
        self.end += 1
        return offset

    def skip(self, offsets: int) -> None:
        """Use up offsets without a record, as a transaction's marker does."""
        self.end += offsets

    def forget_below(self, offset: int) -> None:
        """Retention: the log starts at `offset` from now on."""
        self.start = offset
        self.records = [record for record in self.records if record.offset >= offset]

    def fetch(self, limit: int = 500) -> Batch | None:
        """The next batch, or None at the end of the log or while held back."""
        if self.held:
            return None
        records = [record for record in self.records if record.offset >= self.position][:limit]
        if not records:
            return None
        batch = Batch(partition=self.partition, follows=self._follows, records=records, highwater=self.end)
        self.position = self._follows = batch.end
        return batch

    def hold_back(self) -> None:
        self.held = True

    def let_go(self) -> None:
        self.held = False

    async def seek(self, offset: int) -> None:
        self.position = self._follows = offset
        self.seeks.append(offset)

    async def start_offset(self) -> int:
        return self.start

    async def end_offset(self, at_least: int) -> int:  # noqa: ARG002 - exact whatever is asked
        return self.end

    async def committed_offset(self) -> int | None:
        return self.committed
