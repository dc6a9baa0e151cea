"""One item of a request, read for itself: a dead letter of ingest holds the item, and not the request round it.

What stood beside it is gone: when a batch was sent (so its times are not corrected by the client's clock; an item that says
itself when it was sent is), and the context of a batch. A key that was cut out of it does not matter: who sent it is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from kenko.dialects import cloudevents_json, mixpanel, plain, posthog, segment, segment_body
from kenko.dialects.reading import DialectName, Item, parse_item
from kenko.dialects.request import NOTHING, Envelope
from kenko.dialects.sending import Sending
from schemas.usage_event import UsageEvent


def read_item(raw: bytes, dialect: DialectName, path: str | None, sending: Sending) -> Item:
    """What the item says. `path`: of its request, where it is known.

    Raises:
        FieldError: the first field that is wrong, or no account.
    """
    around = NOTHING if path is None else segment_body.around_of(path)
    envelope = Envelope([raw], around, backfill=sending.origin.backfill)
    return _READERS[dialect](parse_item(raw), envelope, sending)


def _own(item: Mapping[str, Any], _envelope: Envelope, sending: Sending) -> UsageEvent:
    """Both of our path's forms, whatever its Content-Type was: that may be what was wrong with it."""
    read = cloudevents_json.read_event if "specversion" in item else plain.read_event
    return read(item, sending.received, sending.origin)


def _mixpanel(item: Mapping[str, Any], envelope: Envelope, sending: Sending) -> Item:
    """By its shape: `/groups` and `/engage` have these two fields, and no item of `/track` or `/import` has."""
    if "$group_key" in item:
        return mixpanel.read_group(item, envelope, sending)
    if "$distinct_id" in item:
        return mixpanel.read_person(item, envelope, sending)
    return mixpanel.read_event(item, envelope, sending)


_READERS: Final[Mapping[DialectName, Callable[[Mapping[str, Any], Envelope, Sending], Item]]] = {
    DialectName.PLAIN: _own,
    DialectName.CLOUDEVENTS: _own,
    DialectName.SEGMENT: segment.read_call,
    DialectName.POSTHOG: posthog.read_call,
    DialectName.MIXPANEL: _mixpanel,
}
