"""A UsageEvent out of parts that are already checked, without checking them again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypedDict, cast

from schemas.base import Properties, trusted_builder
from schemas.usage_event import UsageEvent


class Parts(TypedDict):
    """The fields of an event."""

    id: str
    source: str
    account_id: str
    user_id: str | None
    event: str
    time: datetime
    received_at: datetime | None
    properties: Properties
    backfill: bool


assemble: Final = cast("Callable[[Parts], UsageEvent]", trusted_builder(UsageEvent))
"""The event. The caller vouches for what the model's validators would check, and gives `parts` away.

Strings went through `identifier` or `event_name`, times through `parse_time` (so they are in UTC), and `properties`
came out of a JSON parser that refuses NaN. That is all UsageEvent asks for, so the result equals `UsageEvent(**parts)`
(a property test holds it to that). The model's validators walk each string in Python: run on every record, they were
most of the time of decoding.
"""
