"""A batch decoded: events, ticks, traits, overrides and refusals, in the order of the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from kenko.dialects.cloudevents import decode_record
from kenko.dialects.own_records import OwnRecord
from kenko.dialects.record import InvalidRecord
from schemas.account_traits import AccountTraits
from schemas.override import Override
from schemas.tick import Tick
from schemas.usage_event import UsageEvent

_OF_AN_ACCOUNT = (UsageEvent, AccountTraits, Override)


class Item(NamedTuple):
    """One record of the log, and what it is."""

    offset: int
    content: UsageEvent | OwnRecord | InvalidRecord
    record: Any
    """The ConsumerRecord itself: kept for dead letters and copies."""

    @property
    def is_not_tick(self) -> bool:
        return not isinstance(self.content, Tick)


def decode(records: Iterable[Any], from_offset: int) -> list[Item]:
    """Decode the records at or above `from_offset`. What cannot be decoded is an item too: it is never skipped."""
    return [Item(r.offset, _content(r), r) for r in records if r.offset >= from_offset]


def accounts(items: Iterable[Item]) -> list[str]:
    """The accounts whose rows `items` touch, each once."""
    return list({i.content.account_id: None for i in items if isinstance(i.content, _OF_AN_ACCOUNT)})


def heard(items: Sequence[Item], hour_ms: int) -> list[tuple[str, int]]:
    """(source, when the log took it in) of the last usage event of each source, in each of the hours the items span."""
    if not items:
        return []
    hours = {items[0].record.timestamp // hour_ms, items[-1].record.timestamp // hour_ms}
    if len(hours) == 1:  # nearly always; one look-up an event is all that is spent
        last = {content.source: record for _, content, record in items if isinstance(content, UsageEvent)}
        return [(source, record.timestamp) for source, record in last.items()]
    events = [(content.source, record.timestamp) for _, content, record in items if isinstance(content, UsageEvent)]
    return list({(source, time_ms // hour_ms): (source, time_ms) for source, time_ms in events}.values())


def _content(record: Any) -> UsageEvent | OwnRecord | InvalidRecord:
    try:
        return decode_record(record.key, record.value, record.headers, record.timestamp)
    except InvalidRecord as refusal:
        return refusal
