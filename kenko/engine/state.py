"""What is remembered of an account: one row, encoded as a msgpack array (ADR 0011).

Accumulators commute: what the row says does not depend on the order in which events arrived.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from schemas.health import Zone


class Snapshot(Struct, array_like=True):
    """What an evaluation found. Kept for receipts: no later evaluation depends on it."""

    time_ms: int
    score: int | None
    """Hundredths of a point; None: no score (no data, or churned)."""
    plain: int | None
    """The same without what a person set by hand."""
    raws: list[int | None]
    """By column, in its own integer unit; empty where another model measured them."""
    policy: int
    """Which of the model's policies it was: 0 is the base."""
    lasting: dict[int, int]
    """`AccountState.lasting` at that time."""


class Told(Struct, array_like=True):
    """What one record said of an account that nothing newer has said otherwise (see `traits`)."""

    time_ms: int
    """For which it was said."""
    digest: bytes
    """Beginning of the record's digest: it orders what was said for one millisecond."""
    values: dict[int | str, Any]
    """By trait: a known one is its place among `KNOWN_TRAITS`. A value of None is no longer known."""


class AccountState(Struct, array_like=True):
    """The row of one account. Times are milliseconds since 1970-01-01 UTC."""

    account_id: str
    scored_by: bytes
    """Beginning of the score hash of the model whose evaluations `last` and `earlier` hold."""
    signals: list[Any]
    """One accumulator a stored signal, in the model's order."""
    offset: int = -1
    """Offset of the newest record that changed the row: nothing at or below it changes it again."""
    first_seen_ms: int | None = None
    last_seen_ms: int | None = None
    """Newest use: an event that tells of a contract or of traits is none."""
    began_ms: int | None = None
    """Earliest event that started a contract."""
    started_ms: int | None = None
    """Newest event of a contract that runs: started, renewed, upgraded or downgraded."""
    ended_ms: int | None = None
    """Newest event that ended one."""
    touched: bool = False
    """Records were applied since the last evaluation."""
    base: bytes | None = None
    """While touched: the row at the last evaluation, so that a step can be split by cause."""
    late: bytes | None = None
    """While touched by events that came late: what `base` would have been with them."""
    zone: Zone | None = None
    zone_since_ms: int | None = None
    red_since_ms: int | None = None
    """Since when the score has been below the red boundary without a break."""
    yellow_since_ms: int | None = None
    last: Snapshot | None = None
    """The last evaluation."""
    earlier: bytes = b""
    """The evaluations that receipts compare with, packed (see `snapshots`): they change once in days."""
    due_ms: int | None = None
    """When passing time alone can change something; None: never."""
    traits: list[Told] = []
    """What is known besides use, newest record first. A trait stands in one of them."""
    override: list[Any] | None = None
    """The newest: [time, digest, score in hundredths or None, until or None, reason, author]."""
    rules: dict[str, list[Any]] = {}
    """By rule: [holds, since when its condition has been the other way, or None]. Absent: does not hold."""
    lasting: dict[int, int] = {}
    """Newest raw value of the columns that count as when they last had data."""
    rhythm: list[int] = []
    """Days of use (see `rhythm`); empty where no rule judges silence."""
    closes: bytes = b""
    """Daily closes, two bytes a day, the last one of the day before `closes_day` (see `closes`)."""
    closes_day: int | None = None
    """Day, since 1970-01-01 UTC, of the newest evaluation."""
    told: int | None = None
    """Score that was last published; None: none was."""
    standing: str = ""
    """Of the last evaluation; empty: there was none."""
    backfilled_ms: int | None = None
    """Log time at which an event of history was last applied; None: never."""


_ENCODER = msgspec.msgpack.Encoder()
_ROWS = msgspec.msgpack.Decoder(AccountState)

encode_state = _ENCODER.encode
"""The row, as stored."""


def decode_state(row: bytes) -> AccountState:
    """The reverse of `encode_state`. Raises msgspec.DecodeError for bytes that are no row."""
    return _ROWS.decode(row)
