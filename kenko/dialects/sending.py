"""Who sends a request, and when it came: what every dialect reads an item against."""

from __future__ import annotations

from typing import Final, NamedTuple

from kenko.dialects.known_accounts import KnownAccounts
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.times import Received


class Origin(NamedTuple):
    """What is known of the sender."""

    sources: tuple[str, ...] = ()
    """What the key may send for; empty: anything. The first is the source of events that name none."""
    backfill: bool = False
    """History: the events are marked, so that they alert nobody."""

    def source(self, default: str) -> str:
        """The source of an event that names none; `default` where the key does not say."""
        return self.sources[0] if self.sources else default

    def check_source(self, source: str, field: str) -> str:
        """`source`, if the key may send for it.

        Raises:
            FieldError: it may not.
        """
        if self.sources and source not in self.sources:
            allowed = " or ".join(repr(name) for name in self.sources)
            raise FieldError(field, ProblemCode.FORBIDDEN_SOURCE, f"this key may send only for {allowed}")
        return source


ANYBODY: Final = Origin()


class Sending(NamedTuple):
    """The circumstances of one request."""

    received: Received
    origin: Origin
    known: KnownAccounts
