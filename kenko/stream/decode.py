"""A batch decoded: events, ticks, traits, overrides, forgets and refusals, in the order of the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from kenko.dialects.cloudevents import decode_record
from kenko.dialects.own_records import OwnRecord
from kenko.dialects.record import InvalidRecord
from kenko.stream.forwarding import origin_of, taken_in_ms
from schemas.account_traits import AccountTraits
from schemas.forget import Forget
from schemas.forwarded import LAST_HEADER, Forwarded
from schemas.override import Override
from schemas.tick import Tick
from schemas.usage_event import UsageEvent

_OF_AN_ACCOUNT = (UsageEvent, AccountTraits, Override, Forget)
_new: Final = tuple.__new__
"""What the constructor of a named tuple calls in the end, at half the cost; for the one way that all records go."""


class Item(NamedTuple):
    """One record of the log, and what it is."""

    offset: int
    content: UsageEvent | OwnRecord | InvalidRecord
    record: Any
    """The ConsumerRecord itself: kept for dead letters and copies."""
    origin: Forwarded | None = None
    """Where the record was forwarded from; None for one that its producer put here."""

    @property
    def is_not_tick(self) -> bool:
        return not isinstance(self.content, Tick)

    @property
    def account_id(self) -> str | None:
        """The account it is a record of: the key. None for a record of none, and for what cannot be decoded."""
        return self.content.account_id if isinstance(self.content, _OF_AN_ACCOUNT) else None


def decode(records: Iterable[Any], from_offset: int, *, log_id: str, partitions: int) -> list[Item]:
    """Decode the records at or above `from_offset`. What cannot be decoded is an item too: it is never skipped.

    `log_id` and `partitions` are those of the log they were read from: they tell which copies are its own.
    """
    items: list[Item] = []
    for record in records:
        offset, headers = record.offset, record.headers
        if offset < from_offset:
            continue
        if headers and headers[-1][0] == LAST_HEADER:  # nearly never: this look is all that other records pay
            items.append(_forwarded(record, log_id, partitions))
            continue
        content: UsageEvent | OwnRecord | InvalidRecord
        try:
            content = decode_record(record.key, record.value, headers, record.timestamp)
        except InvalidRecord as refusal:
            content = refusal
        items.append(_new(Item, (offset, content, record, None)))
    return items


def accounts(items: Iterable[Item]) -> list[str]:
    """The accounts that `items` are of, each once."""
    return list({i.content.account_id: None for i in items if isinstance(i.content, _OF_AN_ACCOUNT)})


def heard(items: Sequence[Item], hour_ms: int) -> list[tuple[str, int]]:
    """(source, when the log took it in) of the last usage event of each source, in each of the hours the items span.

    Copies do not count: a source was heard where its producer put the record, and a replay writes copies again.
    """
    if not items:
        return []
    hours = {items[0].record.timestamp // hour_ms, items[-1].record.timestamp // hour_ms}
    if len(hours) == 1:  # nearly always; one look-up an event is all that is spent
        last = {
            content.source: record
            for _, content, record, origin in items
            if origin is None and isinstance(content, UsageEvent)
        }
        return [(source, record.timestamp) for source, record in last.items()]
    events = [
        (content.source, record.timestamp)
        for _, content, record, origin in items
        if origin is None and isinstance(content, UsageEvent)
    ]
    return list({(source, time_ms // hour_ms): (source, time_ms) for source, time_ms in events}.values())


def _forwarded(record: Any, log_id: str, partitions: int) -> Item:
    """A record that says of itself that it was forwarded."""
    origin = None
    try:
        origin = origin_of(record, log_id, partitions)
        timestamp_ms = record.timestamp if origin is None else taken_in_ms(record, origin)
        content = decode_record(record.key, record.value, record.headers, timestamp_ms)
    except InvalidRecord as refusal:
        return Item(record.offset, refusal, record, origin)
    return Item(record.offset, content, record, origin)
