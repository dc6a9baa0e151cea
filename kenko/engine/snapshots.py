"""The earlier evaluation a receipt compares with: "38, was 61 a week ago".

Time is cut into periods of five days. A row keeps the evaluation in force when the running period began and the one in
force when the period before it began: the older is five to ten days old. Because an account is evaluated whenever
passing time changes something, what was in force at a boundary does not depend on how often it was evaluated.

Both change once in a period, and only a receipt reads them. So a row carries them packed, the newer one as what differs
from the older: written at every step as they are, they cost nothing.
"""

from __future__ import annotations

from itertools import compress
from operator import ne

import msgspec
from msgspec import Struct

from kenko.engine.state import AccountState, Snapshot
from kenko.model.limits import DAY_MS

PERIOD_MS = 5 * DAY_MS


class _Newer(Struct, array_like=True):
    """The evaluation in force when the running period began, as it differs from the older one."""

    later_ms: int
    score: int | None
    plain: int | None
    raws: list[int | None]
    policy: int
    lasting: dict[int, int]
    moved: bytes | None
    """Bit c, the least first: `raws` holds another value for column c. None: it holds all columns."""


class _Earlier(Struct, array_like=True):
    older: Snapshot
    newer: _Newer | None
    """None: it is the older one too."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Earlier).decode


def rotate(state: AccountState, now_ms: int) -> None:
    """Keep the evaluations in force at the period boundaries up to `now_ms`. Call before `last` is replaced."""
    last = state.last
    if last is None:
        return
    periods = now_ms // PERIOD_MS - last.time_ms // PERIOD_MS
    if periods > 0:
        began = period_start(state) if periods == 1 else None
        state.earlier = _pack(last if began is None else began, last)


def reference(state: AccountState) -> Snapshot | None:
    """The evaluation to compare with: the older of the two, or what there is."""
    return _decode(state.earlier).older if state.earlier else None


def period_start(state: AccountState) -> Snapshot | None:
    """The evaluation in force when the running period began."""
    if not state.earlier:
        return None
    earlier = _decode(state.earlier)
    older, newer = earlier.older, earlier.newer
    if newer is None:
        return older
    raws = newer.raws
    if newer.moved is not None:
        moved, values = int.from_bytes(newer.moved, "little"), iter(newer.raws)
        raws = [next(values) if moved >> column & 1 else raw for column, raw in enumerate(older.raws)]
    return Snapshot(older.time_ms + newer.later_ms, newer.score, newer.plain, raws, newer.policy, newer.lasting)


def forget_details(state: AccountState) -> None:
    """After a change of the model: another model's values stand in other places. Its scores stay."""
    older, newer = reference(state), period_start(state)
    if older is not None and newer is not None:
        for snapshot in (older, newer):
            snapshot.raws = []
            snapshot.lasting = {}
            snapshot.policy = 0
        state.earlier = _pack(older, newer)
    state.lasting = {}


def _pack(older: Snapshot, newer: Snapshot) -> bytes:
    """The reverse of `reference` and `period_start`."""
    if newer == older:
        return _encode(_Earlier(older, None))
    moved, raws = None, newer.raws
    if len(raws) == len(older.raws):
        differs = list(map(ne, raws, older.raws))
        raws = list(compress(raws, differs))
        bits = sum(1 << column for column, differ in enumerate(differs) if differ)
        moved = bits.to_bytes(-(-bits.bit_length() // 8), "little")
    later_ms = newer.time_ms - older.time_ms
    difference = _Newer(later_ms, newer.score, newer.plain, raws, newer.policy, newer.lasting, moved)
    return _encode(_Earlier(older, difference))
