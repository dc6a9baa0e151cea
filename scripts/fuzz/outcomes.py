"""What the parser makes of one request: the name of an outcome, or the exception that must not be."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Final

from kenko.dialects.cloudevents import decode_record, encode_event, encode_traits
from kenko.dialects.known_accounts import KnownAccounts
from kenko.dialects.reading import Item, read_items
from kenko.dialects.request import BadBody, RequestParts, UnsupportedMedia
from kenko.dialects.routes import ROUTES
from kenko.dialects.sending import ANYBODY, Sending
from kenko.dialects.times import Received
from schemas.account_traits import AccountTraits
from schemas.base import to_ms
from schemas.usage_event import UsageEvent

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECEIVED: Final = Received(NOON, to_ms(NOON))


class Reader:
    """Counts outcomes by dialect. It remembers users as ingest does."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self._known = KnownAccounts(most=1_000)

    def read(self, parts: RequestParts) -> None:
        """Open a request, read each item, and write the good ones as records that read back the same.

        Raises:
            Exception: whatever ingest could only answer with a 5xx.
        """
        try:
            dialect = ROUTES[parts.path](parts)
        except UnsupportedMedia:
            self.outcomes["none", "unsupported media"] += 1
            return
        try:
            envelope = dialect.open(parts)
            if envelope.key is not None:
                envelope.key.encode()  # as ingest does, to look for it
            reading = read_items(dialect, envelope, Sending(RECEIVED, ANYBODY, self._known))
        except BadBody as error:
            self.outcomes[dialect.name, f"body: {error.code}"] += 1
            return
        except UnsupportedMedia:
            self.outcomes[dialect.name, "unsupported media"] += 1
            return
        for taken in reading.taken:
            _check_record(taken.item)
            self.outcomes[dialect.name, type(taken.item).__name__] += 1
        for refused in reading.refused:
            self.outcomes[dialect.name, f"event: {refused.problem.code}"] += 1


def _check_record(item: Item) -> None:
    if isinstance(item, UsageEvent):
        record = encode_event(item)
    elif isinstance(item, AccountTraits):
        record = encode_traits(item)
    else:
        return
    again = decode_record(record.key, record.value, record.headers, RECEIVED.ms)
    if again != item:
        raise AssertionError("the record of an accepted item does not read back as that item")
