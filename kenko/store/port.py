"""What the scorer asks of a store: the state of one partition, committed as a whole behind its fence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from kenko.engine.rows import Row, RowChange
from kenko.engine.source_rhythm import Heard
from kenko.store.roles import Role

MAX_ROWS_A_COMMIT = 2000
"""A script holds up everybody else on the server, so a commit is kept to some tens of milliseconds."""


@dataclass(frozen=True)
class Fence:
    """How far a partition has been applied. Everything below `offset` is in the rows; nothing else says so."""

    offset: int
    """The next offset to apply."""
    log_id: str
    """Identity of the log the offset counts in, as the caller names it. The caller refuses another log."""
    now_ms: int | None = None
    """Log time: the newest tick applied; None before the first."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Running totals by outcome since offset 0: they move with the fence, so a record is counted once."""
    silent: Mapping[str, int] = field(default_factory=dict)
    """Sources that are known to be silent, and since when; `""` stands for all together."""
    heard: Mapping[str, Heard] = field(default_factory=dict)
    """When each source was heard; `""` stands for those beyond the limit."""
    forwarded: Mapping[int, int] = field(default_factory=dict)
    """Of which record of each other partition a forwarded copy was applied last: its offset there, the highest one."""
    snapshot_ms: int | None = None
    """Wall time at which the newest whole set of snapshots was begun; None: there is none."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", dict(self.counts))  # the caller goes on counting in its own
        object.__setattr__(self, "silent", dict(self.silent))
        object.__setattr__(self, "heard", dict(self.heard))
        object.__setattr__(self, "forwarded", dict(self.forwarded))


@dataclass(frozen=True)
class PartitionCommit:
    """All that changed since the last commit.

    Raises:
        ValueError: the fence would go backwards, there are more than `MAX_ROWS_A_COMMIT` rows, or an account twice.
    """

    expected: int | None
    """Offset of the fence this runner last saw; None = it saw none."""
    fence: Fence
    rows: Sequence[RowChange] = ()
    erased: Mapping[str, bytes] = field(default_factory=dict)
    """Accounts of which nothing stays but the digest, 16 bytes: in `PartitionStore.forgotten` from now on."""
    role: Role = Role.LIVE
    """As what the runner writes; refused where the keyspace has another role."""

    def __post_init__(self) -> None:
        if self.expected is not None and self.fence.offset < self.expected:
            raise ValueError(f"the fence cannot go back from {self.expected} to {self.fence.offset}")
        if len(self.rows) + len(self.erased) > MAX_ROWS_A_COMMIT:
            raise ValueError(
                f"{len(self.rows) + len(self.erased)} rows: commit before more than {MAX_ROWS_A_COMMIT} have changed"
            )
        written = {change.account_id for change in self.rows}
        if len(written) != len(self.rows) or not written.isdisjoint(self.erased):
            raise ValueError("an account stands twice in one commit")


class CommitOutcome(StrEnum):
    """What became of a commit."""

    APPLIED = "applied"
    """All of it is in the store."""
    REFUSED = "refused"
    """None of it is: the fence is not where this runner last saw it, or its keyspace has another role. Somebody else owns
    the partition, another model takes over, this commit was applied before and its answer got lost, or the store was
    emptied. Drop the working set, read the fence again."""


class PartitionStore(Protocol):
    """The state of one partition.

    Every method raises `TransientError` when the store is away, busy or full (try again: nothing is lost) and
    `PermanentError` when a person has to mend something.
    """

    async def fence(self) -> Fence | None:
        """Where the partition stands; None if nothing was ever committed, or the store was emptied."""

    async def forgotten(self) -> frozenset[bytes]:
        """The digests of the accounts that were erased. One may come before the fence that erases it: a commit stopped."""

    async def rows(self, account_ids: Iterable[str], *, with_ids: bool = True) -> dict[str, Row | None]:
        """The rows of these accounts, in one round trip; None for an account that has none.

        Without their chunks of ids they take less time. Row and chunks of one answer are of the same moment.
        """

    async def due(self, until_ms: int, limit: int) -> list[tuple[int, str]]:
        """At most `limit` accounts due at or before `until_ms`: (due time, account), by time, then by UTF-8 bytes."""

    async def next_due(self) -> int | None:
        """The earliest due time; 0 if an account was touched since it was last scored; None if nothing is due."""

    async def commit(self, commit: PartitionCommit) -> CommitOutcome:
        """All of it or, if the fence or the role is not as expected, nothing.

        After a `TransientError` it is unknown whether it was applied: read the fence, or send the same commit again.
        """
