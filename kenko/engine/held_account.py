"""HeldAccount: an account in the working set of a fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kenko.engine.assessing import Recall
from kenko.engine.recent_ids import RecentIds, drained_unread, has_list
from kenko.engine.rows import Row, RowChange
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState


class HeldAccount:
    """What is in memory of one account."""

    __slots__ = ("chunks", "ids", "is_dirty", "is_forgotten", "memo", "replaces", "row", "state", "tail", "used")

    def __init__(self) -> None:
        self.state: AccountState | None = None
        """None: no such account yet."""
        self.row: bytes | None = None
        """The state encoded, while it is as it was stored: what a step is split against need not be encoded again."""
        self.memo = Recall()
        self.chunks: Sequence[bytes] | None = ()
        """None: there are some, and they were not loaded."""
        self.tail = b""
        self.ids: RecentIds | None = None
        """Read from chunks and tail at the first event: an account that is merely due does not need them."""
        self.replaces: int | None = None
        """Offset of the row in the store; None: there is none."""
        self.is_dirty = False
        self.is_forgotten = False
        """It has no state, and gets none."""
        self.used = 0

    @classmethod
    def stored(cls, scorer: Scorer, account_id: str, row: Row) -> HeldAccount:
        """The account as the store has it. Raises ValueError as `Scorer.decode` does."""
        account = cls()
        account.state = scorer.decode(account_id, row.state)
        account.row = None if account.state.touched else row.state
        account.tail = row.tail
        account.replaces = account.state.offset
        if row.ids is not None:
            account.chunks = row.ids
        elif has_list(row.tail):
            account.chunks = None
        return account

    def read_ids(self, counts: Counter[str]) -> RecentIds:
        """The ids, read from now on. `counts`: where they count. Raises ValueError if there are some that were not loaded."""
        if self.chunks is None:
            raise ValueError("the account was adopted without its ids")
        row_offset = -1 if self.state is None else self.state.offset
        self.ids = RecentIds(self.chunks, self.tail, row_offset=row_offset, counts=counts)
        self.chunks, self.tail = (), b""
        return self.ids

    def due_ms(self) -> int | None:
        """When the account has to be evaluated: at once while touched. None: never."""
        if self.state is None:
            return None
        return 0 if self.state.touched else self.state.due_ms

    def drain(self, scorer: Scorer, committed_ms: int) -> RowChange | None:
        """What a commit must write, from a fence at which it was `committed_ms`; None for an account without state."""
        state = self.state
        if state is None:
            return None
        if self.ids is None:
            ids = drained_unread(self.tail, state.offset, committed_ms)
            self.tail = ids.tail
        else:
            ids = self.ids.drain(committed_ms)
        row = self.row = scorer.encode(state)
        if state.touched:
            self.row = None
        replaces, self.replaces = self.replaces, state.offset
        return RowChange(
            account_id=state.account_id,
            state=row,
            due_ms=self.due_ms(),
            score_centi=None if state.last is None else state.last.score,
            id_chunks=ids.chunks,
            drop_ids_through=ids.through,
            tail=ids.tail,
            replaces=replaces,
        )
