"""World: the whole pipeline of one seed in one process: broker, Redis, receivers, clients, scorers and alerters."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from kenko.alerting.policy import AlertPolicy
from kenko.engine.scorer import Scorer
from kenko.engine.source_rhythm import SourceRhythm
from kenko.model import load_model
from kenko.runtime.errors import TransientError
from kenko.stream.plan import RunnerPlan
from kenko.stream.producer import OutRecord
from kenko.stream.source_watch import WatchPlan
from tests.simulator.alerter_process import GROUP, AlerterProcess, AlerterSetup
from tests.simulator.broker import Broker, SimulatedOutput
from tests.simulator.clocks import HOUR_MS, SkewedClock
from tests.simulator.group import Group
from tests.simulator.network import Network
from tests.simulator.receiver import SimulatedReceiver
from tests.simulator.redis import Redis, at_once
from tests.simulator.scorer_process import ScorerProcess, ScorerSetup, Seen
from tests.simulator.story import LASTS_S, MODEL, Line, Story
from tests.simulator.virtual_loop import StuckError, VirtualLoop

TOPIC, TRANSITIONS, SCORES, DEAD = "usage-events", "transitions", "scores", "dead-letters"
LOG_ID = "simulated/usage-events"
COOLDOWN_MS = 2 * HOUR_MS
LOOK_S = 60.0
RECOVERY_S = 7200.0
"""After the last fault everything is applied within this, of virtual time: a tick comes every quarter of an hour."""
OUTBOX_S = 86_400.0
SCORER = Scorer(load_model(MODEL, name="simulated.yaml"))
"""Of all simulations: it holds no state of accounts."""
RHYTHM = SourceRhythm(hour_ms=600_000, kept=24, factor=2, known_after=6, week_after=8, first_week=9, retired_after=60)


@dataclass(frozen=True)
class Shape:
    """How large things are in this seed: small, so that every limit is reached."""

    partitions: int
    scorers: int
    alerters: int
    due_budget: int
    max_rows: int
    commit_every: int
    idle_commit_s: float
    queue_high: int
    batch: int

    @classmethod
    def drawn(cls, random: Random) -> Shape:
        return cls(
            partitions=random.choice([2, 2, 3]),
            scorers=random.choice([1, 2, 2, 3]),
            alerters=random.choice([1, 2]),
            due_budget=random.choice([2, 5, 1000]),
            max_rows=random.choice([1, 3, 1000]),
            commit_every=random.choice([3, 10, 1000]),
            idle_commit_s=random.choice([120.0, 900.0, 7200.0]),
            queue_high=random.choice([2, 32]),
            batch=random.choice([1, 4, 100]),
        )


class World:
    """Everything of one seed. `accepted` are the records that a client had acknowledged."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(f"{seed}/world")
        self.shape = Shape.drawn(self.random)
        self.loop = VirtualLoop(Random(f"{seed}/order"))
        self.network = Network(self.loop, Random(f"{seed}/network"))
        self.clock = SkewedClock(self.loop)
        partitions = self.shape.partitions
        self.broker = Broker(self.network, Random(f"{seed}/broker"), partitions, self.clock.now_ms)
        self.redis = Redis(self.network, partitions)
        self.receivers = [SimulatedReceiver(name, self.network, Random(f"{seed}/{name}")) for name in ("crm", "chat")]
        self.story = Story(Random(f"{seed}/story"), topic=TOPIC, partitions=partitions)
        self.lines = self.story.lines(bursts=30)
        self.accepted: list[Line] = []
        self.observer = Seen()
        self.trace: list[str] = []
        self.failures: list[str] = []
        self.effective: Counter[str] = Counter()
        """By kind of fault: how often one did something."""
        self.lost_batches = 0
        """So many of the next batches Faust drops."""
        self.scorers: list[ScorerProcess] = []
        self.alerters: list[AlerterProcess] = []
        self._started = 0
        self._ids = 0
        random = Random(f"{seed}/groups")
        scorer_group, alerter_group = (Group(self.loop, random, partitions) for _ in range(2))
        self.scorer_setup = ScorerSetup(
            loop=self.loop,
            network=self.network,
            broker=self.broker,
            redis=self.redis,
            group=scorer_group,
            scorer=SCORER,
            topic=TOPIC,
            plan=self.plan,
            watch=WatchPlan(RHYTHM, every_s=240.0, again_s=120.0) if self.story.silent_source else None,
            observer=self.observer,
            failed=self._failed,
            batch_limit=lambda: self.random.randint(1, self.shape.batch),
            lose_batch=self._lose_batch,
            fresh_id=self._fresh_id,
        )
        self.alerter_setup = AlerterSetup(
            loop=self.loop,
            network=self.network,
            broker=self.broker,
            redis=self.redis,
            group=alerter_group,
            receivers=self.receivers,
            policy=AlertPolicy(
                tuple(receiver.name for receiver in self.receivers), COOLDOWN_MS, max_alert_age_ms=1000 * HOUR_MS
            ),
            transitions_topic=TRANSITIONS,
            dead_letters_topic=DEAD,
            jitter=Random(f"{seed}/jitter"),
            failed=self._failed,
        )

    def plan(self, partition: int) -> RunnerPlan:
        shape = self.shape
        return RunnerPlan(
            partition=partition,
            partitions=shape.partitions,
            topic=TOPIC,
            transitions_topic=TRANSITIONS,
            scores_topic=SCORES,
            dead_letters_topic=DEAD,
            log_id=LOG_ID,
            due_budget=shape.due_budget,
            max_rows=shape.max_rows,
            commit_every=shape.commit_every,
            idle_commit_s=shape.idle_commit_s,
            queue_high=shape.queue_high,
            queue_low=shape.queue_high // 2,
            rhythm=RHYTHM,
        )

    def tell(self, text: str) -> None:
        self.trace.append(f"{self.loop.time():11.3f} call {self.network.count:5}  {text}")

    def start(self) -> None:
        for _ in range(self.shape.scorers):
            self.start_scorer()
        for _ in range(self.shape.alerters):
            self.start_alerter()
        self.loop.spawn(self._clients())

    def start_scorer(self, *, writes_ticks: bool = True) -> ScorerProcess:
        self._started += 1
        process = ScorerProcess(
            self.scorer_setup, self.loop.process(f"scorer-{self._started}"), writes_ticks=writes_ticks
        )
        self.scorers.append(process)
        return process

    def start_alerter(self) -> AlerterProcess:
        self._started += 1
        process = AlerterProcess(self.alerter_setup, self.loop.process(f"alerter-{self._started}"))
        self.alerters.append(process)
        return process

    def kill(self, victim: ScorerProcess | AlerterProcess) -> None:
        """kill -9. The group learns of it when the session is over."""
        victim.process.killed = True
        if isinstance(victim, ScorerProcess):
            self.scorers.remove(victim)
            self.scorer_setup.group.lost(victim.member)
        else:
            self.alerters.remove(victim)
            self.alerter_setup.group.lost(victim.member)

    def run_load(self) -> None:
        self.loop.run_until(lambda: self.loop.time() >= LASTS_S + 60.0, limit_s=LASTS_S + RECOVERY_S)

    def settle(self) -> None:
        """After the faults: until all is applied and told.

        Raises:
            StuckError: it does not come to that in time.
        """
        self.until(self.is_applied, RECOVERY_S, "records are applied and transitions handled")
        self.end_scorers()
        self.until(self.is_told, OUTBOX_S, "the outboxes are empty")

    def end_scorers(self) -> None:
        for scorer in list(self.scorers):
            self.kill(scorer)
            self.scorer_setup.group.leave(scorer.member)

    def until(self, reached: Callable[[], bool], limit_s: float, what: str) -> None:
        until = self.loop.time() + limit_s
        while not reached():
            if self.loop.time() > until:
                raise StuckError(f"not within {limit_s} s after the last fault: {what}")
            at = self.loop.time() + LOOK_S
            self.loop.later(LOOK_S, lambda: None)
            self.loop.run_until(lambda: self.loop.time() >= at, limit_s=2 * LOOK_S)  # noqa: B023 - run at once

    def is_applied(self) -> bool:
        logs, transitions = self.broker.logs(TOPIC), self.broker.logs(TRANSITIONS)
        fences = [core.fence() for core in self.redis.partitions]
        return (
            len(self.accepted) == len(self.lines)
            and all(fence is not None and fence.offset == log.end for fence, log in zip(fences, logs, strict=True))
            and all(self.broker.committed.get((GROUP, log.partition), 0) == log.end for log in transitions)
        )

    def is_told(self) -> bool:
        return not any(number for store in self.redis.alerts for number in at_once(store.outbox()).values())

    def record(self) -> bytes:
        """All that happened, to compare two runs by."""
        lines: list[str] = [*self.trace, repr(self.effective)]
        for topic in self.broker.topics():
            lines += [repr(record) for log in self.broker.logs(topic) for record in log.records]
        lines += [repr(core.fence()) for core in self.redis.partitions]
        lines += [
            f"{t.at_s} {t.sender.name} {t.receiver} {t.message_id} {t.answer}" for r in self.receivers for t in r.tries
        ]
        return "\n".join(lines).encode()

    async def _clients(self) -> None:
        create = asyncio.get_running_loop().create_task
        for line in self.lines:
            wait_s = line.at_s - self.loop.time()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            create(self._put(line))

    async def _put(self, line: Line) -> None:
        """A client that tries again until it is told that its record is in the log."""
        output = SimulatedOutput(self.broker)
        records: Iterable[OutRecord] = [line.record]
        while True:
            try:
                await output.send(list(records))
            except TransientError:
                await asyncio.sleep(1.0)
            else:
                self.accepted.append(line)
                return

    def _failed(self, process: str, error: Exception) -> None:
        self.tell(f"{process} gave up: {error!r}")
        self.failures.append(f"{process} gave up: {error!r}")

    def _lose_batch(self) -> bool:
        lost = self.lost_batches > 0
        self.lost_batches -= lost
        self.effective["batch lost on its way"] += lost
        return lost

    def _fresh_id(self) -> str:
        self._ids += 1
        return f"id-{self._ids}"
