"""AlertState: what is remembered of one account and rule between two transitions."""

from __future__ import annotations

from typing import Self

import msgspec

from schemas.base import to_ms
from schemas.transition import Transition


class OpenAlert(msgspec.Struct, frozen=True, omit_defaults=True):
    """The alert of an episode that has not ended."""

    id: str
    opened_ms: int
    told: tuple[str, ...] = ()
    """Receivers who were told of it; empty where nobody was."""


class AlertState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Times are log times, in milliseconds since 1970-01-01 UTC."""

    partition: int
    """Where the newest transition seen was caused, with `offset` and `time_ms`."""
    offset: int
    time_ms: int
    open: OpenAlert | None = None
    """None while the rule does not hold (for the zone: while the account is not red)."""
    notified_ms: int | None = None
    """When the last firing that was told had its transition: the cooldown counts from here."""

    def covers(self, transition: Transition) -> bool:
        """True if `transition` was seen already, or is older than one that was.

        In one log a higher offset never has an earlier time. So an offset at or below the last one with a later
        time is a new log (the topic was made again), not a repeat.
        """
        time_ms = to_ms(transition.time)
        if transition.partition != self.partition:
            return time_ms <= self.time_ms
        return transition.offset <= self.offset and time_ms <= self.time_ms

    @classmethod
    def at(cls, before: Self | None, transition: Transition) -> Self:
        """`before`, moved on to `transition`; the alert in it is unchanged."""
        return cls(
            partition=transition.partition,
            offset=transition.offset,
            time_ms=to_ms(transition.time),
            open=None if before is None else before.open,
            notified_ms=None if before is None else before.notified_ms,
        )
