"""Succession: which model's keyspace of a partition is live, and how another one takes its place (ADR 0014).

The live pointer of a partition names the model whose keyspace is live. A commit carries a role; the roles at the fences
move in the scripts below, each of which happens as a whole. So at most one keyspace of a partition is told from, and from
the moment another one begins to take its place nobody moves its fence any more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from kenko.runtime.errors import KenkoError
from kenko.store.port import PartitionStore
from kenko.store.roles import Role


class ShadowEndedError(KenkoError):
    """The model that was to be a shadow is live, or takes the place of the live one: a shadow has nothing to do there."""


class NoLiveKeyspaceError(KenkoError):
    """No keyspace of the partition is live yet: there is nothing to stand beside."""


@dataclass(frozen=True)
class Claim:
    """As what the caller may write into its own keyspace, until somebody else claims."""

    role: Role
    live: str | None = None
    """The model whose keyspace is live, where that is not the caller's."""
    until: int | None = None
    """BUILDING: the fence of the live keyspace, which nobody moves now."""


@dataclass(frozen=True)
class LiveFence:
    """The live keyspace, and how far it is."""

    model: str
    offset: int | None
    """None: it has no fence yet."""


class Succession(Protocol):
    """The keyspaces of one partition, as one model's scorer sees them. `model` is the name in the keys.

    Every method raises `TransientError` when the store is away, busy or full.
    """

    own: str
    """The caller's model."""

    async def claim(self, layout: bytes) -> Claim:
        """Take the caller's keyspace: LIVE where the pointer names it (it does, at a first start), else BUILDING.

        BUILDING takes a keyspace from a shadow, stops whoever writes into the live one, and brings its forgotten accounts.
        What was live and is gone is no longer live: then the caller's is. `layout` is kept beside the caller's rows.
        """

    async def claim_shadow(self, layout: bytes) -> Claim:
        """Take the caller's keyspace as a SHADOW.

        Raises:
            ShadowEndedError: it is live, or somebody builds it to become so.
            NoLiveKeyspaceError: none is live yet.
        """

    async def live_fence(self) -> LiveFence | None:
        """The live keyspace; None while the pointer names none."""

    async def move(self, live: str, at: int) -> bool:
        """Make the caller's keyspace the live one in place of `live`. False: something has moved, and nothing was done.

        Only while both stand at `at`, `live` is LEFT and the caller's is BUILDING.
        """

    def store(self, model: str) -> PartitionStore:
        """The state of the partition under another model, to read."""

    async def layout(self, model: str) -> bytes | None:
        """What the rows of `model` hold, as given to `claim`; None: written before layouts were kept."""

    def accounts(self, model: str) -> AsyncIterator[list[str]]:
        """All accounts of `model`, some at a time, in no order. One may come twice where others go meanwhile."""

    async def unknown(self, model: str, account_ids: Sequence[str]) -> list[str]:
        """Those of these accounts that `model` does not have."""
