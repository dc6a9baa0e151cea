"""Row and RowChange: what the fold reads from the store, and what a commit writes.

Recent ids live beside the row, in a list of chunks. A chunk is, big-endian:

    bytes 0..8    now_ms: the partition's log time at which its ids were applied
    bytes 8..16   offset: of the newest event in the chunk
    then          8 bytes an id, in the order they were applied

Order of the writes of one account inside a commit, and what a commit that stops half way leaves behind:

1. Drop from the head of the list while the head chunk's offset is at or below `drop_ids_through`.
   Safe to repeat, because it goes by content and not by count. Safe although the row may not follow, because a chunk
   is dropped only when it had already lost its meaning at the fence this commit starts from: a replay starts no earlier.
2. Append `id_chunks` to the tail. If the row does not follow, a chunk's offset lies above the row's: `adopt` passes it
   over, and the replay appends the same ids again (known ids are skipped when a list is read).
3. Write `state`. From now on no record at or below its offset touches the row again.
4. Write the due index and the scores. If they do not follow, the replay meets the account again (its records or its
   tick answer "already") and hands the row out once more, so that they are written.

The fence comes after all rows. One thing a half-done commit can change: if more accounts were due at a tick than the due
budget, a replay of that tick may reach some of them one tick earlier.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

CHUNK_HEADER = struct.Struct(">QQ")
"""now_ms, offset."""

ID_BYTES = 8
"""Bytes of one remembered id."""


class Row(NamedTuple):
    """An account as the store holds it."""

    state: bytes
    ids: list[bytes]
    """Chunks of recent ids, oldest first."""


class RowChange(NamedTuple):
    """What a commit writes for one account."""

    account_id: str
    state: bytes
    due_ms: int | None
    """When it has to be scored next; 0: at the next tick; None: remove it from the due index."""
    score_centi: int | None
    """Score in hundredths of a point; None: remove it from the scores."""
    id_chunks: tuple[bytes, ...] = ()
    """To append to the tail of the list of recent ids."""
    drop_ids_through: int | None = None
    """Drop chunks from the head while their offset is at or below this; None: drop nothing."""
