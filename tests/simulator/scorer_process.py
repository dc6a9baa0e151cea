"""A scorer: the real reader, runners, tick writer and source watch; in Faust's place a consumer that does its worst."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kenko.engine.scorer import Scorer
from kenko.runtime.errors import TransientError
from kenko.store.port import Fence
from kenko.stream.batches import Batch
from kenko.stream.observer import NullObserver
from kenko.stream.patience import Patience
from kenko.stream.plan import RunnerPlan
from kenko.stream.reader import PartitionReader
from kenko.stream.runner import PartitionRunner
from kenko.stream.source_watch import SourceWatch, WatchPlan
from kenko.stream.ticks import TickWriter
from tests.simulator.broker import Broker, Log, SimulatedOutput
from tests.simulator.clocks import SkewedClock
from tests.simulator.group import Group, Member
from tests.simulator.network import Network
from tests.simulator.redis import Redis, SimulatedStore
from tests.simulator.virtual_loop import Process, VirtualLoop

TICK_INTERVAL_MS = 20 * 60_000
GROUP = "scorer"


class _Event(NamedTuple):
    """A Faust event with a batch in it, as far as the reader looks at it."""

    value: Batch

    def ack(self) -> None:
        """Kafka's committed offset only follows; nothing here depends on it."""


class ConsumedLog:
    """Implements `PartitionLog` over one partition, for one owner; `fetch` is what Faust's thread does."""

    def __init__(self, log: Log, broker: Broker) -> None:
        self._log = log
        self._broker = broker
        self.is_ours = True
        self.changed = asyncio.Event()
        self._held = False
        self._position = self._follows = 0
        log.readers.append(self.changed)

    def give_up(self) -> None:
        self.is_ours = False
        self._log.readers.remove(self.changed)

    def hold_back(self) -> None:
        self._held = True

    def let_go(self) -> None:
        self._held = False
        self.changed.set()

    async def seek(self, offset: int) -> None:
        if not self.is_ours:
            raise TransientError("the partition is no longer assigned")
        await asyncio.sleep(self._broker.network.latency_s())
        self._position = self._follows = offset
        self.changed.set()

    async def start_offset(self) -> int:
        return await self._broker.network.call(self._broker, lambda: self._log.start)

    async def end_offset(self, at_least: int) -> int:  # noqa: ARG002 - exact whatever is asked
        return await self._broker.network.call(self._broker, lambda: self._log.end)

    async def committed_offset(self) -> int | None:
        place = GROUP, self._log.partition
        return await self._broker.network.call(self._broker, lambda: self._broker.committed.get(place))

    def fetch(self, limit: int) -> Batch | None:
        if self._held or self._broker.away:
            return None
        records = self._log.read(self._position, limit)
        if not records:
            return None
        batch = Batch(self._log.partition, self._follows, records, self._log.end)
        self._position = self._follows = batch.end
        return batch


class Seen(NullObserver):
    """What the runners of all processes tell."""

    def __init__(self) -> None:
        self.refusals = self.gaps = self.holes = 0

    def refused(self, partition: int) -> None:  # noqa: ARG002 - the port's shape
        self.refusals += 1

    def gap(self, partition: int) -> None:  # noqa: ARG002 - the port's shape
        self.gaps += 1

    def hole(self, partition: int, offsets: int) -> None:  # noqa: ARG002 - the port's shape
        self.holes += offsets


@dataclass(frozen=True, kw_only=True)
class ScorerSetup:
    """What all scorers share."""

    loop: VirtualLoop
    network: Network
    broker: Broker
    redis: Redis
    group: Group
    scorer: Scorer
    topic: str
    plan: Callable[[int], RunnerPlan]
    watch: WatchPlan | None
    """None: nobody looks for silent sources."""
    observer: Seen
    failed: Callable[[str, Exception], None]
    batch_limit: Callable[[], int]
    lose_batch: Callable[[], bool]
    """Whether Faust drops a batch on its way."""
    fresh_id: Callable[[], str]


class ScorerProcess:
    """Alive from its making until it is killed."""

    def __init__(self, setup: ScorerSetup, process: Process, *, writes_ticks: bool = True) -> None:
        self.process = process
        self.clock = SkewedClock(setup.loop)
        self._setup = setup
        self._consumed: dict[int, ConsumedLog] = {}
        self._pumps: dict[int, asyncio.Task] = {}
        self.reader = PartitionReader(setup.topic, self._runner, setup.observer, position_limit_s=20.0)
        self.member = Member(process, revoked=self._revoked, assigned=self._assigned)
        setup.loop.spawn(self._run(writes_ticks), process)

    def busy(self) -> bool:
        """Whether it has applied what it has not committed."""
        return any(
            runner.next_offset is not None and runner.next_offset > (runner.fence_offset or 0)
            for runner in self.reader._runners.values()
        )

    async def _run(self, writes_ticks: bool) -> None:
        setup = self._setup
        create = asyncio.get_running_loop().create_task
        create(self.member.run())
        setup.group.join(self.member)
        if not writes_ticks:
            return
        output = SimulatedOutput(setup.broker)
        ticks = TickWriter(
            reader=self.reader,
            output=output,
            topic=setup.topic,
            interval_ms=TICK_INTERVAL_MS,
            clock=self.clock,
            observer=setup.observer,
            fresh_id=setup.fresh_id,
        )
        create(ticks.run())
        if setup.watch is not None:
            watch = SourceWatch(
                reader=self.reader,
                fences=self._fences,
                output=output,
                topic=setup.topic,
                clock=self.clock,
                observer=setup.observer,
                plan=setup.watch,
                fresh_id=setup.fresh_id,
            )
            create(watch.run())

    async def _fences(self) -> Mapping[int, Fence | None]:
        stores = [SimulatedStore(self._setup.redis, p) for p in range(self._setup.broker.partitions)]
        return dict(enumerate([await store.fence() for store in stores]))

    def _runner(self, partition: int) -> PartitionRunner:
        setup = self._setup
        return PartitionRunner(
            plan=setup.plan(partition),
            scorer=setup.scorer,
            store=SimulatedStore(setup.redis, partition),
            output=SimulatedOutput(setup.broker),
            log=self._consumed[partition],
            observer=setup.observer,
            clock=self.clock,
            patience=Patience(setup.observer),
            failed=lambda _, error: setup.failed(self.process.name, error),
        )

    async def _revoked(self, partitions: Collection[int]) -> None:
        for partition in partitions:
            self._pumps.pop(partition).cancel()  # Faust clears its buffers
        await self.reader.revoked(partitions)
        for partition in partitions:
            self._consumed.pop(partition).give_up()

    async def _assigned(self, partitions: Collection[int]) -> None:
        for partition in partitions:
            self._consumed[partition] = ConsumedLog(
                self._setup.broker.logs(self._setup.topic)[partition], self._setup.broker
            )
            pump = self._pump(partition, self._consumed[partition])
            self._pumps[partition] = asyncio.get_running_loop().create_task(pump)
        await self.reader.positions(partitions)

    async def _pump(self, partition: int, log: ConsumedLog) -> None:
        """Fetch, and hand over some time later: a seek may come in between, and then it is an old batch that arrives."""
        while True:
            self._commit_offset(partition)
            batch = log.fetch(self._setup.batch_limit())
            if batch is None:
                log.changed.clear()
                await log.changed.wait()
                continue
            await asyncio.sleep(self._setup.network.latency_s())
            if not self._setup.lose_batch():
                self.reader.deliver(_Event(batch))

    def _commit_offset(self, partition: int) -> None:
        """Kafka's committed offset follows what the reader shows, some batches behind. A member that is out commits none."""
        shown, broker = self.reader.fence(partition), self._setup.broker
        if shown is not None and not broker.away and not self.member.expelled:
            broker.committed[GROUP, partition] = shown
