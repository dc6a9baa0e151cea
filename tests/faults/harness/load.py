"""Load: usage events at a steady rate, of accounts that fall into red and recover, and the log of what was accepted."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from kenko.dialects.cloudevents import encode_event
from kenko.runtime.clock import SystemClock
from kenko.runtime.errors import TransientError
from kenko.stream.producer import KafkaOutput, OutRecord
from schemas.base import from_ms
from schemas.usage_event import UsageEvent

MODEL = """
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: faults, version: 1}
signals:
  mood: {match: {event: Mood}, aggregate: {latest: properties.value}}
  uses_7d: {match: {event: "*"}, aggregate: count, window: 7d}
  people_7d: {match: {event: "*"}, aggregate: {unique: user_id}, window: 7d}
score:
  groups:
    mood: {weight: 80, inputs: [{signal: mood, curve: {points: [[0, 0], [100, 100]]}}]}
    use: {weight: 10, inputs: [{signal: uses_7d, curve: {points: [[0, 0], [40, 100]]}}]}
    people: {weight: 10, inputs: [{signal: people_7d, curve: {points: [[0, 0], [5, 100]]}}]}
  new_account_grace: 0s
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 0s}
"""
BATCH_S = 0.1
MOODS = (5, 95)


class Load:
    """`events(n)` makes events, `run()` sends them until `stop()`; `accepted` are the ids that Kafka acknowledged."""

    def __init__(self, output: KafkaOutput, topic: str, *, seed: int, accounts: int = 120) -> None:
        self._output = output
        self._topic = topic
        self._random = random.Random(seed)
        self._names = [f"account-{n}" for n in range(accounts)]
        self._red: set[str] = set()
        self._clock = SystemClock()
        self._number = 0
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.accepted: list[str] = []
        self.refusals = 0
        """Sends that failed, and were repeated with the same ids."""

    def events(self, count: int, *, moods: int) -> list[UsageEvent]:
        """`count` events, the first `moods` of which move an account over the edge of red."""
        now_ms = self._clock.now_ms()
        return [self._event(now_ms, moving=n < moods) for n in range(count)]

    def start(self, *, rate: int = 200, moods_per_s: int = 10) -> None:
        """About so many events a second, so many of which move an account."""
        self._stopped.clear()
        self._task = asyncio.create_task(self._run(round(rate * BATCH_S), round(moods_per_s * BATCH_S)))

    async def stop(self) -> None:
        """After what is under way was acknowledged."""
        self._stopped.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def send(self, events: Sequence[UsageEvent], *, partition: int | None = None) -> None:
        """Until Kafka has them: as an honest producer does, again with the same ids."""
        records = []
        for event in events:
            record = encode_event(event)
            records.append(OutRecord(self._topic, record.key, record.value, record.headers, partition))
        while True:
            try:
                await self._output.send(records)
            except TransientError:
                self.refusals += 1
                await asyncio.sleep(0.5)
            else:
                break
        self.accepted += [event.id for event in events]

    async def _run(self, batch: int, moods: int) -> None:
        while not self._stopped.is_set():
            await self.send(self.events(batch, moods=moods))
            await asyncio.sleep(BATCH_S)

    def _event(self, now_ms: int, *, moving: bool) -> UsageEvent:
        self._number += 1
        account = self._random.choice(self._names)
        properties: dict[str, int] = {}
        if moving:
            properties["value"] = MOODS[account in self._red]
            self._red ^= {account}
        return UsageEvent(
            id=f"e{self._number}",
            account_id=account,
            user_id=f"user-{self._random.randrange(8)}",
            event="Mood" if moving else "Report Exported",
            time=from_ms(now_ms),
            properties=properties,
        )
