"""What the scorer's probes say."""

from __future__ import annotations

import asyncio
from typing import Final

from kenko.runtime.errors import KenkoError
from kenko.runtime.health import CheckResult, Probes
from kenko.store.client import AnyRedis
from kenko.store.redis_errors import translated
from kenko.stream.reader import PartitionReader
from kenko.stream.ticks import TickWriter

PING_EVERY_S: Final = 2.0
PING_LIMIT_S: Final = 2.0


class ScorerHealth:
    """What is known right now; the probes only look at it."""

    def __init__(self) -> None:
        self.reader: PartitionReader | None = None
        self.ticks: TickWriter | None = None
        """None where a replay writes them."""
        self.redis_answers = False
        self.failure: Exception | None = None
        self._started = False

    def probes(self) -> Probes:
        """live: the loop turns (it answers) and no runner gave up; waiting for Redis or Kafka is alive.

        startup: the first assignment was taken up. ready: ours are at their fences now, Redis answers, and Kafka takes ticks.
        """
        return Probes(
            live={"runners": self._runners},
            ready={"assigned": self._assigned, "redis": self._redis, "kafka": self._kafka},
            startup={"joined": self._joined},
        )

    def _runners(self) -> CheckResult:
        if self.failure is not None:
            return CheckResult(ok=False, reason=repr(self.failure))
        return CheckResult(ok=True)

    def _assigned(self) -> CheckResult:
        if self.reader is None:
            return CheckResult(ok=False, reason="waiting for Redis and Kafka")
        if not self.reader.all_positioned:
            return CheckResult(ok=False, reason="waiting for partitions, or for their fences")
        self._started = True
        return CheckResult(ok=True, reason=f"{len(list(self.reader.owned()))} partitions")

    def _redis(self) -> CheckResult:
        return CheckResult(ok=self.redis_answers, reason="" if self.redis_answers else "Redis does not answer")

    def _kafka(self) -> CheckResult:
        trouble = "" if self.ticks is None else self.ticks.trouble
        return CheckResult(ok=not trouble, reason=trouble)

    def _joined(self) -> CheckResult:
        return CheckResult(ok=True) if self._started else self._assigned()


async def watch_redis(client: AnyRedis, health: ScorerHealth) -> None:
    """Ask Redis now and then whether it answers, until cancelled."""
    while True:
        health.redis_answers = await _answers(client)
        await asyncio.sleep(PING_EVERY_S)


async def _answers(client: AnyRedis) -> bool:
    try:
        async with asyncio.timeout(PING_LIMIT_S):
            with translated():
                return bool(await client.ping())
    except (TimeoutError, KenkoError):
        return False
