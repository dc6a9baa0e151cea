"""Record batches: one pseudo-record carries up to a thousand records of a partition through Faust.

Faust makes two tasks for each record it hands on; with batches that cost is paid once a batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

MAX_BATCH_RECORDS = 1000
"""Records in one batch: large enough to hide Faust's cost of a message, small enough to share the loop."""


class Batch(NamedTuple):
    """Records of one partition as they were fetched, in order of offset."""

    partition: int
    follows: int
    """Read from here on: the broker holds nothing between this offset and the first record."""
    records: Sequence[Any]
    """aiokafka's ConsumerRecords: offset, timestamp, key, value, headers."""
    highwater: int | None
    """The log's end when this was fetched; None where the broker did not say."""

    @property
    def first(self) -> int:
        return int(self.records[0].offset)

    @property
    def end(self) -> int:
        """One past the last record."""
        return int(self.records[-1].offset) + 1


class BatchRecord(NamedTuple):
    """A batch in the shape of a ConsumerRecord, as Faust's `_to_message` reads it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: None
    value: Batch
    headers: tuple[()]
    checksum: None
    serialized_key_size: int
    serialized_value_size: int


def pack(
    topic: str, records: Sequence[Any], *, follows: int, highwater: int | None, limit: int = MAX_BATCH_RECORDS
) -> Iterator[BatchRecord]:
    """`records` of one partition as pseudo-records of up to `limit` each; `follows` is where they were read from."""
    for begin in range(0, len(records), limit):
        part = records[begin : begin + limit]
        last = part[-1]
        batch = Batch(partition=last.partition, follows=follows, records=part, highwater=highwater)
        yield BatchRecord(
            topic=topic,
            partition=last.partition,
            offset=last.offset,
            timestamp=last.timestamp,
            timestamp_type=last.timestamp_type,
            key=None,
            value=batch,
            headers=(),
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
        )
        follows = batch.end
