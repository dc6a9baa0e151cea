"""What stays of a forgotten account, and until when. Said as it is: raw records cannot be taken out of a log. Pure."""

from __future__ import annotations

from typing import Final

from schemas.base import from_ms
from schemas.topics import DAY_MS, TOPICS, Topic

_WHAT: Final = {
    Topic.USAGE_EVENTS: "its events and this request, as they were sent; every reader passes them over",
    Topic.TRANSITIONS: "what was told of it to the alerter, which passes it over",
    Topic.DELIVERIES: "nothing reads it into any state",
    Topic.COMMANDS: "what people asked about its alerts",
}


def stays(now_ms: int, prefix: str) -> list[str]:
    """A line for each topic that holds records keyed by the account until its retention takes them."""
    lines = []
    for spec in TOPICS:
        if spec.name in _WHAT and spec.retention_ms is not None:
            end = f"{from_ms(now_ms + spec.retention_ms):%Y-%m-%d}"
            days = f"{spec.retention_ms // DAY_MS} days, unless the topic is set otherwise"
            lines.append(f"{prefix}{spec.name.value}: until {end} ({days}): {_WHAT[spec.name]}")
    return lines
