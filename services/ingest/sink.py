"""Where accepted events and dead letters go: the port, and its twin in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from kenko.dialects.record import KafkaRecord
from kenko.runtime.errors import TransientError
from kenko.runtime.health import CheckResult
from schemas.topics import Topic


class Outgoing(NamedTuple):
    """A record and the topic it belongs to."""

    topic: Topic
    record: KafkaRecord


class EventSink(Protocol):
    """Takes records and keeps them."""

    async def write(self, records: Sequence[Outgoing]) -> None:
        """Returns when every replica that matters has all of them; those of one key keep their order.

        Raises:
            TransientError: some may be kept, some not: the client is to send the same again.
        """

    def standing(self) -> CheckResult:
        """Whether it would take a record now, without asking anybody."""


class MemorySink:
    """The twin: keeps records in a list. `away` makes it behave as if Kafka were not there."""

    def __init__(self) -> None:
        self.written: list[Outgoing] = []
        self.away = False

    async def write(self, records: Sequence[Outgoing]) -> None:
        if self.away:
            raise TransientError("Kafka does not answer", retry_after_s=5)
        self.written.extend(records)

    def standing(self) -> CheckResult:
        return CheckResult(ok=False, reason="Kafka does not answer") if self.away else CheckResult(ok=True)

    def of(self, topic: Topic) -> list[KafkaRecord]:
        """What was written to `topic`."""
        return [out.record for out in self.written if out.topic is topic]
