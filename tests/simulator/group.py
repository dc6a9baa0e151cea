"""Group: who owns which partition. A member that says nothing for a session's length loses what it has, and may not know."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from random import Random

from tests.simulator.virtual_loop import Process, VirtualLoop

SESSION_S = 10.0
HEARTBEAT_S = 3.0

Change = Callable[[Collection[int]], Awaitable[None]]


class Member:
    """One process in a group. Told of each assignment in its turn; of those that pass it by while it stands still, the last."""

    def __init__(self, process: Process, *, revoked: Change, assigned: Change) -> None:
        self.process = process
        self.expelled = False
        self.generation = 0
        """Of the newest assignment it was told of."""
        self._revoked = revoked
        self._assigned = assigned
        self._owned: frozenset[int] = frozenset()
        self._next: frozenset[int] = frozenset()
        self._changed = asyncio.Event()

    def assign(self, partitions: Collection[int]) -> None:
        self._next = frozenset(partitions)
        self._changed.set()

    async def run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            owned, self._owned = self._owned, self._next
            await self._revoked(sorted(owned))
            await self._assigned(sorted(self._owned))


class Group:
    """Of one service."""

    def __init__(self, loop: VirtualLoop, random: Random, partitions: int) -> None:
        self._loop = loop
        self._random = random
        self._partitions = partitions
        self.members: list[Member] = []
        self.rebalances = 0
        self.rebalanced_s: list[float] = []

    def join(self, member: Member) -> None:
        member.expelled = False
        self.members.append(member)
        self.rebalance()

    def rebalance(self) -> None:
        """Deal the partitions out anew. Members hear of it one by one, so for a moment two may own the same."""
        self.rebalances += 1
        self.rebalanced_s.append(self._loop.time())
        partitions = list(range(self._partitions))
        self._random.shuffle(partitions)
        for number, member in enumerate(self.members):
            mine = partitions[number :: len(self.members)]
            self._loop.call_later(
                self._random.uniform(0.001, 0.5),
                self._tell,
                member,
                self.rebalances,
                mine,
                context=member.process.context,
            )

    def leave(self, member: Member) -> None:
        if member in self.members:
            self.members.remove(member)
            self.rebalance()

    def lost(self, member: Member) -> None:
        """It stands still from now on; if it still does when its session is over, it is out."""
        self._loop.later(SESSION_S, self._expire, member)

    def back(self, member: Member) -> None:
        """It runs again. If it is out, it learns so with its next heartbeat, gives up what it had, and joins again."""
        if member.expelled:
            delay = self._random.uniform(0.01, HEARTBEAT_S)
            self._loop.call_later(delay, self._rejoin, member, context=member.process.context)

    @staticmethod
    def _tell(member: Member, generation: int, partitions: Collection[int]) -> None:
        if not member.expelled and generation > member.generation:
            member.generation = generation
            member.assign(partitions)

    def _expire(self, member: Member) -> None:
        if member.process.stands_still and member in self.members:
            member.expelled = True
            self.members.remove(member)
            self.rebalance()

    def _rejoin(self, member: Member) -> None:
        if member.expelled:
            member.assign(())
            self.join(member)
