"""An alerter: the real handler, partitions, dispatchers and senders; in Faust's place a consumer that re-delivers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from prometheus_client.registry import CollectorRegistry

from kenko.alerting.policy import AlertPolicy
from kenko.delivery.receiver import ReceiverKind
from kenko.stream.memory_log import MemoryRecord
from services.alerter.confirmer import Confirmer
from services.alerter.dispatcher import Dispatcher
from services.alerter.handler import TransitionHandler
from services.alerter.log_time import LogTime
from services.alerter.metrics import AlerterMetrics
from services.alerter.partitions import Partitions
from services.alerter.record_in import RecordIn
from services.alerter.sender import Sender
from tests.simulator.broker import Broker, SimulatedOutput
from tests.simulator.clocks import SkewedClock
from tests.simulator.group import Group, Member
from tests.simulator.network import Network
from tests.simulator.receiver import SimulatedReceiver
from tests.simulator.redis import Redis, SimulatedAlertStore
from tests.simulator.virtual_loop import Process, VirtualLoop

GROUP = "kenko-alerter"
COMMIT_S = 1.0
POLL_MS = 20 * 60_000
METRICS = AlerterMetrics((ReceiverKind.MEMORY,), CollectorRegistry())
"""Of all simulations: nothing is read from them."""


@dataclass(frozen=True, kw_only=True)
class AlerterSetup:
    """What all alerters share."""

    loop: VirtualLoop
    network: Network
    broker: Broker
    redis: Redis
    group: Group
    receivers: Sequence[SimulatedReceiver]
    policy: AlertPolicy
    transitions_topic: str
    dead_letters_topic: str
    jitter: Random
    failed: Callable[[str, Exception], None]


class AlerterProcess:
    """Alive from its making until it is killed."""

    def __init__(self, setup: AlerterSetup, process: Process) -> None:
        self.process = process
        self.clock = SkewedClock(setup.loop)
        self._setup = setup
        self._owned: dict[int, int] = {}
        """By partition: the next offset to read."""
        self._acked: dict[int, int] = {}
        self.is_handling = False
        """Between reading a record and having recorded it."""
        self._changed = asyncio.Event()
        self.member = Member(process, revoked=self._revoked, assigned=self._assigned)
        disabled: dict[str, str] = {}
        self._partitions = Partitions(
            lambda partition: SimulatedAlertStore(setup.redis, partition),
            [receiver.name for receiver in setup.receivers],
            self.clock,
            disabled=disabled,
            metrics=METRICS,
        )
        self._dispatchers = [
            Dispatcher(
                receiver,
                self._partitions.owned,
                Sender(receiver, self.clock, jitter=setup.jitter.random, disabled=disabled, metrics=METRICS),
                self.clock,
                poll_ms=POLL_MS,
            )
            for receiver in setup.receivers
        ]
        self._handler = TransitionHandler(
            policy=setup.policy,
            stores=self._partitions.store,
            log_time=LogTime("wall", self.clock),
            clock=self.clock,
            output=SimulatedOutput(setup.broker),
            dead_letter_topic=setup.dead_letters_topic,
            recorded=self._recorded,
            metrics=METRICS,
        )
        self._confirmer = Confirmer(self._handler, self.clock, METRICS)
        setup.loop.spawn(self._run(), process)

    def busy(self) -> bool:
        """Whether a delivery is under way, or something is handled and not committed to Kafka."""
        sending = any(dispatcher._sending for dispatcher in self._dispatchers)
        return sending or bool(self._acked) or any(self._confirmer._pending.values())

    def _recorded(self, partition: int) -> None:
        for dispatcher in self._dispatchers:
            dispatcher.wake(partition)

    async def _run(self) -> None:
        setup = self._setup
        create = asyncio.get_running_loop().create_task
        for log in setup.broker.logs(setup.transitions_topic):
            log.readers.append(self._changed)
        for dispatcher in self._dispatchers:
            create(dispatcher.run())
        create(self._partitions.run(self._recorded))
        create(self._confirmer.run())
        create(self.member.run())
        setup.group.join(self.member)
        await self._consume()

    async def _revoked(self, partitions: Collection[int]) -> None:
        await self._commit()
        for partition in partitions:
            self._owned.pop(partition, None)
            self._acked.pop(partition, None)
        self._partitions.revoke(partitions)
        self._confirmer.drop(partitions)

    async def _assigned(self, partitions: Collection[int]) -> None:
        self._owned = {p: self._setup.broker.committed.get((GROUP, p), 0) for p in partitions}
        self._acked = {}
        self._partitions.assign(partitions)
        self._changed.set()

    async def _consume(self) -> None:
        """One agent: message by message, whatever the partition."""
        logs = self._setup.broker.logs(self._setup.transitions_topic)
        while True:
            ready = [p for p, at in self._owned.items() if at < logs[p].end]
            if not ready or self._setup.broker.away:
                self._changed.clear()
                await self._changed.wait()
                continue
            for partition in ready:
                found = logs[partition].read(self._owned.get(partition, logs[partition].end), 1)
                if found:
                    await self._take(partition, found[0])

    async def _take(self, partition: int, record: MemoryRecord) -> None:
        self._owned[partition] = record.offset + 1
        await asyncio.sleep(self._setup.network.latency_s())
        self.is_handling = True
        await self._confirmer.take(
            RecordIn(
                topic=record.topic,
                partition=partition,
                offset=record.offset,
                key=record.key,
                value=record.value,
                headers=record.headers,
                timestamp_ms=record.timestamp,
            ),
            partial(self._ack, partition, record.offset + 1),
        )
        self.is_handling = False

    def _ack(self, partition: int, offset: int) -> None:
        if partition in self._owned:
            if not self._acked:
                asyncio.get_running_loop().call_later(COMMIT_S, self._commit_soon)
            self._acked[partition] = offset

    def _commit_soon(self) -> None:
        asyncio.get_running_loop().create_task(self._commit())

    async def _commit(self) -> None:
        """A member that is out commits nothing: the broker knows its generation."""
        if self._acked and self._setup.broker.away:
            asyncio.get_running_loop().call_later(COMMIT_S, self._commit_soon)
            return
        acked, self._acked = self._acked, {}
        if not self.member.expelled:
            self._setup.broker.committed.update({(GROUP, p): offset for p, offset in acked.items()})
