"""One produce path for single events and batches: records of a partition, whoever sent them, share a Kafka batch.

aiokafka's `send` makes a future and passes several awaits for each record; that was half the time of ingest. Here a record
is appended to the open batch of its partition, and a request waits for the few batches that hold its records.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer

_ALONE: Final = "a record does not fit into an empty batch"


class _Batch:
    """Records of one partition, and the promise that all of them are acknowledged."""

    __slots__ = ("acked", "builder")

    def __init__(self, builder: Any, acked: asyncio.Future[None]) -> None:
        self.builder = builder
        self.acked = acked


class _Lane:
    """The batches of one partition, in their order: the last takes records, the others wait to be sent."""

    __slots__ = ("on_its_way", "place", "waiting")

    def __init__(self, place: tuple[str, int]) -> None:
        self.place = place
        self.waiting: deque[_Batch] = deque()
        self.on_its_way: asyncio.Task[None] | None = None
        """The batch before, until it is acknowledged: one at a time keeps the order, and lets the next one grow."""


class BatchWriter:
    """Appends records for one producer. It lives as long as its producer does."""

    def __init__(self, producer: AIOKafkaProducer, linger_s: float) -> None:
        """`linger_s`: how long the first record waits for more."""
        self._producer = producer
        self._linger_s = linger_s
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._ready: list[_Lane] = []
        """Lanes with something to send and nothing on its way."""
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def add(
        self, place: tuple[str, int], key: bytes | None, value: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> asyncio.Future[None]:
        """Append a record to the partition `place` of a topic. The future ends when its batch is acknowledged; it raises
        what aiokafka raised. Records of one partition keep their order.
        """
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = _Lane(place)
        waiting = lane.waiting
        if waiting:
            batch = waiting[-1]
            if batch.builder.append(timestamp=None, key=key, value=value, headers=headers) is not None:
                return batch.acked
        batch = _Batch(self._producer.create_batch(), self._loop.create_future())
        if batch.builder.append(timestamp=None, key=key, value=value, headers=headers) is None:
            raise ValueError(_ALONE)
        waiting.append(batch)
        if len(waiting) == 1 and lane.on_its_way is None:
            self._be_ready(lane)
        return batch.acked

    async def finish(self) -> None:
        """Return when everything appended so far is acknowledged or has failed."""
        while acks := [batch.acked for lane in self._lanes.values() for batch in lane.waiting] + [
            lane.on_its_way for lane in self._lanes.values() if lane.on_its_way is not None
        ]:
            await asyncio.wait(acks)

    def _be_ready(self, lane: _Lane) -> None:
        """Send with all lanes that are ready by then: the producer puts them into one request to each broker."""
        self._ready.append(lane)
        if self._timer is None:
            self._timer = self._loop.call_later(self._linger_s, self._send_ready)

    def _send_ready(self) -> None:
        self._timer = None
        ready, self._ready = self._ready, []
        for lane in ready:
            lane.on_its_way = self._loop.create_task(self._send(lane, lane.waiting.popleft()), name="ingest.batch")

    async def _send(self, lane: _Lane, batch: _Batch) -> None:
        topic, partition = lane.place
        batch.builder.close()
        try:
            await (await self._producer.send_batch(batch.builder, topic, partition=partition))
        except Exception as error:  # noqa: BLE001 - whoever waits for the batch is told, whatever it is
            batch.acked.set_exception(error)
            batch.acked.exception()  # looked at: a request that gave up meanwhile leaves no warning behind
        else:
            batch.acked.set_result(None)
        finally:
            lane.on_its_way = None
            if lane.waiting:
                self._be_ready(lane)
