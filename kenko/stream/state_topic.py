"""Reading `kenko.account-state.v1` again: the port, the broker's, and the twin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

from kenko.runtime.settings import Settings
from kenko.stream.browser import Bounds, TopicBrowser
from kenko.stream.producer import MemoryOutput


class StateRecord(NamedTuple):
    """What is read of a record."""

    offset: int
    key: bytes
    value: bytes | None


class StateSource(Protocol):
    """One partition of the state topic. Raises TransientError where no broker answers."""

    async def bounds(self) -> Bounds:
        """Where it begins and ends now."""

    def read(self, bounds: Bounds) -> AsyncIterator[StateRecord]:
        """The records there that have a key, in order."""


class KafkaStateSource:
    """A `StateSource` over a consumer of its own, for the time it is needed."""

    def __init__(self, settings: Settings, topic: str, partition: int) -> None:
        self._settings = settings
        self._topic = topic
        self._partition = partition

    async def bounds(self) -> Bounds:
        async with self._browser() as browser:
            return (await browser.bounds())[self._partition]

    async def read(self, bounds: Bounds) -> AsyncIterator[StateRecord]:
        async with self._browser() as browser:
            async for record in browser.read({self._partition: bounds}):
                if record.key is not None:
                    yield StateRecord(record.offset, record.key, record.value)

    def _browser(self) -> TopicBrowser:
        return TopicBrowser(self._settings, self._topic, client_id="kenko-scorer-rebuild")


class MemoryStateSource:
    """The twin: reads what a `MemoryOutput` was given, as far as compaction has left it."""

    def __init__(self, output: MemoryOutput, topic: str, partition: int) -> None:
        self._output = output
        self._topic = topic
        self._partition = partition
        self._gone: set[int] = set()

    async def bounds(self) -> Bounds:
        return Bounds(0, len(self._output.sent))

    async def read(self, bounds: Bounds) -> AsyncIterator[StateRecord]:
        for record in self._there():
            if bounds.start <= record.offset < bounds.end:
                yield record

    def compact(self) -> None:
        """Only the newest record of each key stays."""
        newest = {record.key: record.offset for record in self._there()}
        self._gone |= {record.offset for record in self._there() if newest[record.key] != record.offset}

    def _there(self) -> list[StateRecord]:
        return [
            StateRecord(offset, record.key, record.value)
            for offset, record in enumerate(self._output.sent)
            if (record.topic, record.partition) == (self._topic, self._partition)
            and record.key is not None
            and offset not in self._gone
        ]
