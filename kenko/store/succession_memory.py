"""The twin of the Redis succession, in memory: the keyspaces of one partition, and the pointer to the live one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from kenko.store.memory_partition import MemoryPartition, MemoryPartitionStore
from kenko.store.roles import Role
from kenko.store.succession import Claim, LiveFence, NoLiveKeyspaceError, ShadowEndedError

_PAGE = 500


@dataclass
class MemoryKeyspaces:
    """All that is stored of one partition, by model."""

    partitions: dict[str, MemoryPartition] = field(default_factory=dict)
    layouts: dict[str, bytes] = field(default_factory=dict)
    live: str | None = None

    def of(self, model: str) -> MemoryPartition:
        return self.partitions.setdefault(model, MemoryPartition())


class MemorySuccession:
    """A `Succession` over `MemoryKeyspaces`. Several may share them, as several scorers may share a Redis."""

    def __init__(self, keyspaces: MemoryKeyspaces, own: str, *, page: int = _PAGE) -> None:
        self._keyspaces = keyspaces
        self.own = own
        self._page = page

    async def claim(self, layout: bytes) -> Claim:
        spaces, own = self._keyspaces, self._keyspaces.of(self.own)
        live = spaces.live if spaces.live is not None else self._some()
        fence = None if live == self.own else spaces.of(live).fence()
        if fence is None:
            spaces.live, own.role = self.own, Role.LIVE
            spaces.layouts[self.own] = layout
            return Claim(Role.LIVE)
        spaces.live = live
        self._take(live, Role.BUILDING, layout)
        spaces.of(live).role = Role.LEFT
        return Claim(Role.BUILDING, live, fence.offset)

    async def claim_shadow(self, layout: bytes) -> Claim:
        spaces, own = self._keyspaces, self._keyspaces.of(self.own)
        live = spaces.live
        if live is None:
            raise NoLiveKeyspaceError("no model is live yet")
        is_built = own.fence() is not None and own.role is Role.BUILDING and spaces.of(live).role is Role.LEFT
        if live == self.own or is_built:
            raise ShadowEndedError(f"{self.own} is live, or is about to be")
        self._take(live, Role.SHADOW, layout)
        return Claim(Role.SHADOW, live)

    async def live_fence(self) -> LiveFence | None:
        live = self._keyspaces.live
        if live is None:
            return None
        fence = self._keyspaces.of(live).fence()
        return LiveFence(live, None if fence is None else fence.offset)

    async def move(self, live: str, at: int) -> bool:
        own, other = self._keyspaces.of(self.own), self._keyspaces.of(live)
        stand = [None if fence is None else fence.offset for fence in (own.fence(), other.fence())]
        if self._keyspaces.live != live or stand != [at, at] or (own.role, other.role) != (Role.BUILDING, Role.LEFT):
            return False
        self._keyspaces.live, own.role = self.own, Role.LIVE
        return True

    def store(self, model: str) -> MemoryPartitionStore:
        return MemoryPartitionStore(self._keyspaces.of(model))

    async def layout(self, model: str) -> bytes | None:
        return self._keyspaces.layouts.get(model)

    async def accounts(self, model: str) -> AsyncIterator[list[str]]:
        left = iter(sorted(self._keyspaces.of(model).scores))
        while page := list(islice(left, self._page)):
            yield page

    async def unknown(self, model: str, account_ids: Sequence[str]) -> list[str]:
        known = self._keyspaces.of(model).scores
        return [account_id for account_id in account_ids if account_id not in known]

    def _take(self, live: str, role: Role, layout: bytes) -> None:
        own = self._keyspaces.of(self.own)
        if own.fence() is not None:
            own.role = role
        own.note_forgotten(self._keyspaces.of(live).forgotten())
        self._keyspaces.layouts[self.own] = layout

    def _some(self) -> str:
        """Which keyspace is live where no pointer says so; see `RedisSuccession`."""
        offsets = {
            model: fence.offset
            for model, partition in self._keyspaces.partitions.items()
            if (fence := partition.fence()) is not None and partition.role in (Role.LIVE, Role.LEFT)
        }
        if self.own in offsets:
            return self.own
        return max(offsets, key=lambda model: (offsets[model], model), default=self.own)
