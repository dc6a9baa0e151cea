"""What a dead letter would be sent again as, or why it cannot be. Pure.

A letter whose record stood in a topic goes there again as it was. One of ingest never reached a topic: its value is one event
of a request, read again as ingest read it, in the dialect that it came in. Ids stay as they were, so what was applied before
changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from kenko.cli.dlq.letter import Letter
from kenko.dialects.cloudevents import decode_record, encode_event, encode_traits
from kenko.dialects.known_accounts import KnownAccounts
from kenko.dialects.problems import FieldError, ProblemCode
from kenko.dialects.reading import DialectName, Noted
from kenko.dialects.record import InvalidRecord
from kenko.dialects.sending import Origin, Sending
from kenko.dialects.single_item import read_item
from kenko.dialects.times import Received
from kenko.engine.partitioning import murmur2_partition
from kenko.stream.producer import OutRecord
from schemas.base import from_ms
from schemas.dead_letter import HEADER_PREFIX
from schemas.topics import Topic
from schemas.usage_event import MAX_EVENT_BYTES, UsageEvent

RETRIED: Final = (Topic.USAGE_EVENTS, Topic.TRANSITIONS, Topic.COMMANDS)
"""Topics that somebody reads and gives records up from."""
_OF_A_FORWARD: Final = "kenko.forwarded."
"""A record that was forwarded begins anew: these headers would let it be taken for a copy."""
_DIALECTS: Final = frozenset(DialectName)
_CUT: Final = re.compile(
    r"\((?:the first \d+ of \d+ bytes are kept"
    r"|(?:(?:key|value) cut from \d+ to \d+ bytes|\d+ headers left out: they hold more than \d+ bytes|, )+)\)$"
)
"""How ingest and the scorer say, at the end of the message, that a letter does not hold all of its record."""


class Known(NamedTuple):
    """What there is to send to."""

    topics: Mapping[str, Topic]
    """By its real name."""
    partitions: int
    now_ms: int


class Again(NamedTuple):
    """To be sent."""

    letter: Letter
    record: OutRecord
    still_bad: str | None
    """What this version would still refuse it for: then it comes back as a dead letter."""


class Refusal(NamedTuple):
    """It cannot be sent again."""

    letter: Letter
    why: str
    unattributed: bool = False
    """Nobody can tell which account it is about."""


class Nothing(NamedTuple):
    """It is good now, and says nothing that is written: an identify or an alias. Ingest would have learnt a user from it."""

    letter: Letter


def again(letter: Letter, known: Known, accounts: KnownAccounts) -> Again | Refusal | Nothing:
    """`letter` as it would be sent at `known.now_ms`. `accounts`: where users were seen; learns from the letter."""
    if _CUT.search(letter.error.message):
        return Refusal(letter, "only its beginning was kept: it was too large")
    if letter.error.topic is None:
        return _of_request(letter, known, accounts)
    topic = known.topics.get(letter.error.topic)
    if topic not in RETRIED:
        return Refusal(letter, f"it stood in {letter.error.topic!r}, which is no topic of this set-up that is read")
    headers = tuple((k, v) for k, v in letter.headers if not k.startswith((HEADER_PREFIX, _OF_A_FORWARD)))
    # Without a key it may be meant for every partition or for one: back to its own.
    partition = letter.error.partition if letter.key is None else murmur2_partition(letter.key, known.partitions)
    record = OutRecord(letter.error.topic, letter.key, letter.value, headers, partition)
    return Again(letter, record, _refused(record, known.now_ms) if topic is Topic.USAGE_EVENTS else None)


def _of_request(letter: Letter, known: Known, accounts: KnownAccounts) -> Again | Refusal | Nothing:
    """An item of a request to ingest. It was received when the letter was written; in the future is what is so now."""
    error = letter.error
    # A letter that names no dialect is of our own path.
    if error.dialect is not None and error.dialect not in _DIALECTS:
        return Refusal(letter, f"it came in the dialect {error.dialect!r}, which this version does not know")
    # Whoever retries is not to lend the sender rights that its key has not.
    origin = Origin(() if error.source is None else (error.source,), backfill=error.backfill)
    sending = Sending(Received(from_ms(letter.written_ms), known.now_ms), origin, accounts)
    try:
        item = read_item(letter.value, DialectName(error.dialect or DialectName.PLAIN), error.path, sending)
    except FieldError as mistake:
        why = f"it never reached a topic, and is still no event: {mistake}"
        return Refusal(letter, why, unattributed=mistake.code is ProblemCode.UNATTRIBUTED)
    if isinstance(item, Noted):
        return Nothing(letter)
    key, value, headers = encode_event(item) if isinstance(item, UsageEvent) else encode_traits(item)
    if key is None or len(value) > MAX_EVENT_BYTES:
        return Refusal(letter, f"it is larger than {MAX_EVENT_BYTES} bytes")
    name = next(name for name, topic in known.topics.items() if topic is Topic.USAGE_EVENTS)
    record = OutRecord(name, key, value, tuple(headers), murmur2_partition(key, known.partitions))
    return Again(letter, record, _refused(record, known.now_ms))


def _refused(record: OutRecord, now_ms: int) -> str | None:
    try:
        decode_record(record.key, record.value, record.headers, now_ms)
    except InvalidRecord as refusal:
        return refusal.message
    return None
