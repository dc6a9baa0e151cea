"""Wait until everything that was replayed has arrived: scored, decided, delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from kenko.backtest.live import LiveState
from kenko.cli.say import out
from kenko.runtime.clock import SystemClock
from kenko.runtime.errors import TransientError

POLL_S = 0.1
STALLED_S = 60.0
"""Without any progress for this long something is stuck."""
SAY_EVERY_S = 5.0


async def until_scored(live: LiveState, ends: Mapping[int, int]) -> None:
    """Returns when the fence of each partition stands at the end of its log.

    Raises:
        TransientError: the scorer makes no progress.
    """

    async def left() -> int:
        fences = await live.fences()
        at = {partition: fence.offset if fence is not None else 0 for partition, fence in fences.items()}
        return sum(max(end - at.get(partition, 0), 0) for partition, end in ends.items())

    await _until_none(left, "records to be scored")


async def until_delivered(live: LiveState, told: Callable[[], int], expected: int) -> None:
    """Returns when the receiver has been told `expected` times and nothing waits; or when that does not come.

    It gives up quietly: what is missing is the check's to list.
    """

    async def left() -> int:
        return await live.waiting() + max(expected - told(), 0)

    try:
        await _until_none(left, "deliveries to be made")
    except TransientError as error:
        out.print(str(error), markup=False)


async def _until_none(left: Callable[[], Awaitable[int]], what: str) -> None:
    clock = SystemClock()
    fewest: int | None = None
    moved_s = said_s = clock.monotonic()
    while True:
        now_s = clock.monotonic()
        try:
            number = await left()
        except TransientError:
            # Redis is away: the services wait for it, and so does whoever watches them. No progress, that is all.
            if now_s - moved_s > STALLED_S:
                raise
            await asyncio.sleep(POLL_S)
            continue
        if number <= 0:
            return
        if fewest is None or number < fewest:
            fewest, moved_s = number, now_s
        if now_s - moved_s > STALLED_S:
            raise TransientError(f"{number:,} {what}, and none in the last {STALLED_S:.0f} s")
        if now_s - said_s > SAY_EVERY_S:
            said_s = now_s
            out.print(f"  {number:,} {what} …", markup=False)
        await asyncio.sleep(POLL_S)
