"""When an event happened by our clock, for clients that also say when they sent it by theirs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.times import Received, is_in_the_future

TOLERANCE: Final = timedelta(seconds=5)
"""Clocks that differ by less are taken as right: the time that a request is under way is of that size."""


def event_time(time: datetime | None, sent_at: datetime | None, received: Received, field: str) -> datetime:
    """`time` moved by how far the client's clock is off; where there is none, when it was received.

    time = received - (sentAt - originalTimestamp), as Segment has it, but only where the two clocks differ.

    Raises:
        FieldError: it is more than an hour ahead all the same, or there is no time at all.
    """
    if received.at is None or received.ms is None:
        raise ValueError("a request is received at some time")
    if time is None:
        return received.at
    if sent_at is not None and abs(received.at - sent_at) > TOLERANCE:
        try:
            time += received.at - sent_at
        except OverflowError:
            raise FieldError(field, ProblemCode.INVALID, "is not a time of the calendar") from None
    if is_in_the_future(time, received.ms):
        message = "is more than an hour in the future: check the sender's clock"
        raise FieldError(field, ProblemCode.IN_THE_FUTURE, message)
    return time
