"""A row that was put aside, as the store needs it to take it back."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from kenko.engine.rows import Row, RowChange
from kenko.engine.scorer import Scorer


class _Head(Struct, array_like=True):
    """The beginning of `AccountState`."""

    account_id: str
    scored_by: bytes
    signals: msgspec.Raw
    offset: int = -1


_HEADS = msgspec.msgpack.Decoder(_Head)


def row_offset(state: bytes) -> int:
    """Offset of the newest record that changed this row; at a tenth of the cost of decoding it.

    Raises:
        msgspec.DecodeError: it is no row.
    """
    return _HEADS.decode(state).offset


def restored(scorer: Scorer, account_id: str, row: Row) -> RowChange:
    """The row with what stands beside it in the store.

    Raises:
        ValueError: the row is not of this account, or not of this model's signals; also msgspec.DecodeError.
    """
    state = scorer.decode(account_id, row.state)
    return RowChange(
        account_id=account_id,
        state=row.state,
        due_ms=0 if state.touched else state.due_ms,
        score_centi=None if state.last is None else state.last.score,
        id_chunks=tuple(row.ids or ()),
        tail=row.tail,
    )
