"""What is remembered of an account: one row, encoded as a msgpack array.

Integers only, and only accumulators that commute: the row does not depend on the order in which events arrived.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from schemas.health import Zone


class Snapshot(Struct, array_like=True):
    """What an evaluation found. Kept for receipts: nothing is computed from it."""

    time_ms: int
    score: int | None
    """Hundredths of a point; None: no score (no data, or churned)."""
    raws: list[int | None]
    """By signal, in its own integer unit; empty where another model measured them, or nothing was."""
    points: list[int]
    """Hundredths by input, then what the cap took away; empty as above."""


class AccountState(Struct, array_like=True):
    """The row of one account. Times are milliseconds since 1970-01-01 UTC."""

    account_id: str
    scored_by: str
    """Score hash of the model whose evaluation `last` and the two snapshots hold."""
    signals: list[Any]
    """One accumulator a signal, in the model's order."""
    offset: int = -1
    """Offset of the newest record that changed the row: nothing at or below it changes it again."""
    first_seen_ms: int | None = None
    last_seen_ms: int | None = None
    """Newest use: an event that begins or ends a contract is none."""
    started_ms: int | None = None
    """Newest event that began a contract."""
    ended_ms: int | None = None
    """Newest event that ended one."""
    touched: bool = False
    """Events were applied since the last evaluation."""
    base: bytes | None = None
    """While touched: what the account was at the last evaluation, so that a step can be split by cause."""
    zone: Zone | None = None
    zone_since_ms: int | None = None
    red_since_ms: int | None = None
    """Since when the score has been below the red boundary without a break."""
    yellow_since_ms: int | None = None
    last: Snapshot | None = None
    """The last evaluation."""
    period_start: Snapshot | None = None
    """The evaluation in force when the running period began (see `snapshots`)."""
    period_before: Snapshot | None = None
    """The evaluation in force when the period before that began."""
    due_ms: int | None = None
    """When passing time alone can change something; None: never."""


class Basis(Struct, array_like=True):
    """The part of a row that a score is computed from."""

    signals: list[Any]
    first_seen_ms: int | None
    last_seen_ms: int | None
    started_ms: int | None
    ended_ms: int | None


_ENCODER = msgspec.msgpack.Encoder()
_ROWS = msgspec.msgpack.Decoder(AccountState)
_BASES = msgspec.msgpack.Decoder(Basis)


def encode_state(state: AccountState) -> bytes:
    """The row, as stored."""
    return _ENCODER.encode(state)


def decode_state(row: bytes) -> AccountState:
    """The reverse of `encode_state`. Raises msgspec.DecodeError for bytes that are no row."""
    return _ROWS.decode(row)


def encode_basis(state: AccountState) -> bytes:
    """What the account is now, for the split at the next evaluation."""
    return _ENCODER.encode(
        Basis(state.signals, state.first_seen_ms, state.last_seen_ms, state.started_ms, state.ended_ms)
    )


def decode_basis(base: bytes) -> Basis:
    """The reverse of `encode_basis`."""
    return _BASES.decode(base)
