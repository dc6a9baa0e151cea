"""A batch decoded: events, ticks and refusals, in the order of the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from kenko.dialects.cloudevents import decode_record
from kenko.dialects.record import InvalidRecord
from schemas.tick import Tick
from schemas.usage_event import UsageEvent


class Item(NamedTuple):
    """One record of the log, and what it is."""

    offset: int
    content: UsageEvent | Tick | InvalidRecord
    record: Any
    """The ConsumerRecord itself: kept for dead letters and copies."""

    @property
    def is_not_tick(self) -> bool:
        return not isinstance(self.content, Tick)


def decode(records: Iterable[Any], from_offset: int) -> list[Item]:
    """Decode the records at or above `from_offset`. What cannot be decoded is an item too: it is never skipped."""
    return [Item(r.offset, _content(r), r) for r in records if r.offset >= from_offset]


def accounts(items: Iterable[Item]) -> list[str]:
    """The accounts whose rows the events among `items` touch, each once."""
    return list({i.content.account_id: None for i in items if isinstance(i.content, UsageEvent)})


def _content(record: Any) -> UsageEvent | Tick | InvalidRecord:
    try:
        return decode_record(record.key, record.value, record.headers, record.timestamp)
    except InvalidRecord as refusal:
        return refusal
