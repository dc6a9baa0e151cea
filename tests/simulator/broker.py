"""The virtual broker: logs that hold what was acknowledged, and some of what was not; and an `Output` that writes to them."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from random import Random

from kenko.engine.partitioning import murmur2_partition
from kenko.runtime.errors import TransientError
from kenko.stream.memory_log import MemoryRecord
from kenko.stream.producer import OutRecord
from tests.simulator.network import Network, Server


class Log:
    """One partition of a topic."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.records: list[MemoryRecord] = []
        self.start = 0
        self.end = 0
        """The high-water mark."""
        self.readers: list[asyncio.Event] = []
        """Set when something was written."""
        self._dropped = 0

    def append(self, record: OutRecord, timestamp_ms: int) -> int:
        offset = self.end
        self.records.append(
            MemoryRecord(
                self.topic, self.partition, offset, timestamp_ms, record.key, record.value, tuple(record.headers)
            )
        )
        self.end += 1
        self.wake()
        return offset

    def skip(self, offsets: int) -> None:
        """Offsets without a record: a transaction's marker."""
        self.end += offsets
        self.wake()

    def read(self, position: int, limit: int) -> list[MemoryRecord]:
        """The first records at or above `position`."""
        begin = max(bisect_left(self.records, position, key=lambda record: record.offset), self._dropped)
        return self.records[begin : begin + limit]

    def forget_below(self, offset: int) -> None:
        """Retention. The records stay in `records`, for the checker; no reader gets them."""
        self.start = max(self.start, min(offset, self.end))
        while self._dropped < len(self.records) and self.records[self._dropped].offset < self.start:
            self._dropped += 1

    def wake(self) -> None:
        for reader in self.readers:
            reader.set()


class Broker(Server):
    """Topics are made when they are first written to. Timestamps are its own (LogAppendTime)."""

    def __init__(self, network: Network, random: Random, partitions: int, now_ms: Callable[[], int]) -> None:
        super().__init__("kafka")
        self.network = network
        self.partitions = partitions
        self.now_ms = now_ms
        self.committed: dict[tuple[str, int], int] = {}
        """By group and partition."""
        self.refused_topics: set[str] = set()
        """Topics that take nothing for now."""
        self.torn = 0
        """So many of the next lists to write are written in part, and then fail."""
        self.doubled = 0
        """So many are written twice: a producer without idempotence tried again by itself."""
        self._random = random
        self._logs: defaultdict[str, list[Log]] = defaultdict(list)

    def logs(self, topic: str) -> list[Log]:
        if topic not in self._logs:
            self._logs[topic] = [Log(topic, p) for p in range(self.partitions)]
        return self._logs[topic]

    def topics(self) -> list[str]:
        return sorted(self._logs)

    def come_back(self) -> None:
        self.away = False
        for logs in self._logs.values():
            for log in logs:
                log.wake()

    def write(self, topic: str, partition: int, records: Sequence[OutRecord], *, in_order: bool) -> list[int]:
        """What the broker does with a list for one partition: all, some of it, or all of it twice.

        Of a list that is written `in_order` some is a first part: none is there without those ahead of it.
        """
        if topic in self.refused_topics:
            self.hit["topic_away"] += 1
            raise TransientError(f"{topic} takes nothing for now")
        log = self.logs(topic)[partition]
        now_ms = self.now_ms()
        if self.torn:
            self.torn -= 1
            self.hit["torn"] += 1
            random = self._random
            first = records[: random.randrange(len(records) + 1)]
            for record in first if in_order else [record for record in records if random.random() < 0.5]:
                log.append(record, now_ms)
            raise TransientError("the broker went away in the middle of a list")
        offsets = [log.append(record, now_ms) for record in records]
        if self.doubled:
            self.doubled -= 1
            self.hit["doubled"] += 1
            for record in records:
                log.append(record, now_ms)
        return offsets


class SimulatedOutput:
    """An `Output` over the virtual broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def send(self, records: Sequence[OutRecord]) -> list[int]:
        return await self._send_all(records, in_order=False)

    async def send_in_order(self, records: Sequence[OutRecord]) -> None:
        await self._send_all(records, in_order=True)

    async def _send_all(self, records: Sequence[OutRecord], *, in_order: bool) -> list[int]:
        lanes: dict[tuple[str, int], list[int]] = {}
        for position, record in enumerate(records):
            lanes.setdefault((record.topic, self._partition(record)), []).append(position)
        sending = [
            self._send(topic, partition, [records[at] for at in lane], in_order)
            for (topic, partition), lane in lanes.items()
        ]
        results = await asyncio.gather(*sending, return_exceptions=True)
        offsets = [0] * len(records)
        for lane, result in zip(lanes.values(), results, strict=True):
            if isinstance(result, BaseException):
                raise result
            for position, offset in zip(lane, result, strict=True):
                offsets[position] = offset
        return offsets

    async def _send(self, topic: str, partition: int, records: Sequence[OutRecord], in_order: bool) -> list[int]:
        broker = self._broker
        return await broker.network.call(
            broker, lambda: broker.write(topic, partition, records, in_order=in_order), changes=True
        )

    def _partition(self, record: OutRecord) -> int:
        if record.partition is not None:
            return record.partition
        return 0 if record.key is None else murmur2_partition(record.key, self._broker.partitions)
