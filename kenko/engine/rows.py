"""Row and RowChange: what the fold reads from the store, and what a commit writes.

Recent ids (see `id_runs`) live in two places. The newest, half a kilobyte at most, are the tail: it stands in one value
with the row's state, so that the two always belong together. A tail that is full becomes a chunk of a list beside the
row, which is written once and never again. So an account of a few events a day has no list, a busy one writes to it
once in some sixty events, and no commit rewrites more than the tail. A tail is, big-endian:

    bytes 0..4    hour of the newest chunk in the list; 0: there is no list; 2^32 - 1: it has no time
    then          runs

A chunk is:

    bytes 0..8    log time since which its newest ids count, in ms; 0: they have none
    bytes 8..16   offset: of the newest event in the chunk
    then          runs

Order of the writes of one account inside a commit, and what a commit that stops half way leaves behind:

1. Drop from the head of the list while the head chunk's offset is at or below `drop_ids_through`.
   Safe to repeat, because it goes by content and not by count. Safe although the row may not follow, because a chunk
   is dropped only when it had already lost its meaning at the fence this commit starts from: a replay starts no earlier.
2. Append `id_chunks` to the list. If the row does not follow, it still has the tail that began the first of them, and
   their offsets lie above the row's: they are passed over until the replay has brought the row there. By then the replay
   has put the same ids into its own tail and chunks (known ids are skipped when a list is read).
3. Write `state` and `tail`, in one value. From now on no record at or below its offset touches the row again.
4. Write the due index and the scores. If they do not follow, the replay meets the account again (its records or its
   tick answer "already") and hands the row out once more, so that they are written.

The fence comes after all rows. One thing a half-done commit can change: if more accounts were due at a tick than the due
budget, a replay of that tick may reach some of them one tick earlier.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

CHUNK_HEADER = struct.Struct(">QQ")
"""Log time, offset."""

TAIL_HEADER = struct.Struct(">I")
"""Hour of the newest chunk."""


class Row(NamedTuple):
    """An account as the store holds it."""

    state: bytes
    ids: list[bytes] | None
    """Chunks of recent ids, oldest first; None: they were not asked for."""
    tail: bytes = b""
    """The recent ids that are in no chunk yet."""


class RowChange(NamedTuple):
    """What a commit writes for one account."""

    account_id: str
    state: bytes
    due_ms: int | None
    """When it has to be scored next; 0: at the next tick; None: remove it from the due index."""
    score_centi: int | None
    """Score in hundredths of a point; None: remove it from the scores."""
    id_chunks: tuple[bytes, ...] = ()
    """To append to the list of recent ids."""
    drop_ids_through: int | None = None
    """Drop chunks from the head while their offset is at or below this; None: drop nothing."""
    tail: bytes = b""
    """The recent ids that are in no chunk yet. It replaces that of the row: to change the state alone, hand it on."""
    replaces: int | None = None
    """Offset of the row that stands in the store until then; None: there is none."""
