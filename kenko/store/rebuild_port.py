"""What snapshots ask of a store: to go through a partition's accounts, and to put them back into an empty one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from kenko.engine.rows import RowChange


class Pulse(NamedTuple):
    """Where a keyspace stands, and in which of its lives."""

    offset: int | None
    """Of the fence; None: there is none."""
    epoch: str
    """Random, and another one after the keyspace was emptied. A fence that comes to stand where it stood says nothing of that."""


class RebuildStore(Protocol):
    """The accounts of one partition. Raises as `PartitionStore` does."""

    async def pulse(self) -> Pulse:
        """Offset and epoch, of one moment. The first to ask in a new life names it."""

    async def size(self) -> int:
        """How many accounts there are."""

    async def accounts(self, cursor: int, count: int) -> tuple[int, list[str]]:
        """The next piece of all accounts, about `count`, and the cursor of the one after it; 0 begins and ends.

        Each account that is there from beginning to end comes, some more than once.
        """

    async def restore(self, rows: Sequence[RowChange]) -> bool:
        """Put whole rows, with all their ids, in place of what is there, behind no fence. False: there is one, so nothing
        was written.

        Until a fence is committed nothing counts, and all of it may be done again.
        """

    async def forget(self, account_id: str, digest: bytes) -> None:
        """As a commit does that erases the account; it needs no fence, for a forgotten account never comes back."""

    async def note_forgotten(self, digests: Collection[bytes]) -> None:
        """Add to `PartitionStore.forgotten`."""
