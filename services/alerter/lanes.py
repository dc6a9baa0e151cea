"""Lanes: records of the transitions topic, many under way at once, those of one account one after the other.

A decision is two round trips to Redis. One record after the other, the last alert of a tick would wait for the round
trips of all before it. Crash with some under way: what was not acknowledged is read again, and what was decided is found to
be a DUPLICATE.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

AT_ONCE: Final = 32
"""Records under way, at most."""

Work = Callable[[], Awaitable[object]]


class Lanes:
    """Works on records of many accounts at once, and on those of one account in their order."""

    def __init__(self, *, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._order: deque[asyncio.Task[None]] = deque()
        self._last: dict[bytes, asyncio.Task[None]] = {}
        """By key: the newest record under way."""

    async def take(self, key: bytes | None, work: Work) -> None:
        """Begin with `work` on a record as soon as there is room; it acknowledges the record when it is done.

        `key` names the account. A record without one, a tick, has its turn alone: what came before it is decided at the time before it.

        Raises:
            Exception: what `work` raised for an earlier record, which was not acknowledged.
        """
        await self._until_fewer_than(self._at_once if key is not None else 1)
        before = None if key is None else self._last.get(key)
        task = asyncio.create_task(self._one(work, before), name="alerter.record")
        self._order.append(task)
        task.add_done_callback(partial(self._settle, key))
        if key is None:
            await self._until_fewer_than(1)
        else:
            self._last[key] = task

    async def close(self) -> None:
        """End what is under way, unacknowledged."""
        tasks = list(self._order)
        self._order.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, work: Work, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
            before.result()  # it failed: this one is not to overtake it
        await work()

    def _settle(self, key: bytes | None, ended: asyncio.Task[None]) -> None:
        if key is not None and self._last.get(key) is ended:
            del self._last[key]
        while self._order and _succeeded(self._order[0]):
            self._order.popleft()

    async def _until_fewer_than(self, number: int) -> None:
        while len(self._order) >= number:
            oldest = self._order[0]
            await asyncio.wait({oldest})
            oldest.result()


def _succeeded(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
