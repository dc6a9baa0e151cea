"""Faults: what the seed injects, when, and whether it hit anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from random import Random
from typing import NamedTuple

from kenko.store.memory_partition import Interruption
from tests.simulator.alerter_process import AlerterProcess
from tests.simulator.receiver import Answer
from tests.simulator.scorer_process import ScorerProcess
from tests.simulator.virtual_loop import Process
from tests.simulator.world import DEAD, TOPIC, World


class Fault(StrEnum):
    """A kind of fault. The faults of the load are in `story.Written`."""

    SCORER_KILLED = "scorer killed (F1)"
    SCORER_RESTARTED = "scorer restarted in order (F3)"
    SCORER_STOPPED = "scorer stopped and continued (F4)"
    SCORER_JOINS = "scorer joins (F11)"
    REBALANCE = "rebalance (F11)"
    BATCH_LOST = "batch lost on its way"
    BROKER_AWAY = "broker away (F5)"
    BROKER_ANSWER_LOST = "broker's answer lost"
    BROKER_TORN = "list written in part"
    BROKER_DOUBLED = "list written twice"
    DEAD_LETTERS_AWAY = "dead letters not taken (F14)"
    HOLE = "offsets without records"
    RETENTION = "log starts later"
    REDIS_AWAY = "Redis away (F6)"
    REDIS_SLOW = "Redis slow (F6)"
    REDIS_FULL = "Redis out of memory (F6)"
    REDIS_ANSWER_LOST = "Redis's answer lost (F6)"
    REDIS_INTERRUPTED = "commit interrupted (F6)"
    REDIS_OLDER = "Redis older (F6)"
    REDIS_FLUSHED = "Redis emptied (F6)"
    CLOCK_STEP = "clock steps (F10)"
    ALERTER_KILLED = "alerter killed (F2)"
    ALERTER_KILLED_AFTER_2XX = "alerter killed after 2xx (F2)"
    ALERTER_STOPPED = "alerter stopped and continued (F4)"
    ALERTER_REBALANCE = "alerter rebalance (F11)"
    RECEIVER_FAILS = "receiver fails (F7)"
    RECEIVER_LOSES_ANSWER = "receiver's answer lost (F7)"
    RECEIVER_GONE = "receiver gone (F7)"


_RARE = {Fault.REDIS_FLUSHED: 0.4, Fault.RECEIVER_GONE: 0.3, Fault.REDIS_OLDER: 2.0, Fault.SCORER_KILLED: 2.0}
_OF_SCORERS = {Fault.SCORER_KILLED, Fault.SCORER_RESTARTED, Fault.SCORER_STOPPED, Fault.SCORER_JOINS, Fault.REBALANCE}
_OF_ALERTERS = {Fault.ALERTER_KILLED, Fault.ALERTER_STOPPED, Fault.ALERTER_REBALANCE}
STEP_MS = 10 * 60_000


class Injection(NamedTuple):
    """At this call over the network."""

    at_call: int
    fault: Fault


class Faults:
    """Draws the faults of a seed, injects them as calls go by, and heals."""

    def __init__(self, world: World, *, calls: int = 1200, only: Fault | None = None) -> None:
        self._world = world
        self._random = random = Random(f"{world.seed}/faults")
        kinds = [only] if only is not None else list(Fault)
        weights = [_RARE.get(kind, 1.0) for kind in kinds]
        drawn = random.choices(kinds, weights, k=random.randint(6, 18))
        self.planned = sorted(Injection(random.randrange(calls), fault) for fault in drawn)
        self.injected: Counter[Fault] = Counter()
        self._flushes = any(fault is Fault.REDIS_FLUSHED for fault in drawn)
        self._left = self.planned[::-1]
        self._due: list[Fault] = []
        self._healed = False
        self._away: Counter[str] = Counter()
        self._crashes = 0
        self.flushed_s: float | None = None
        """When Redis was emptied last."""
        self._inject: dict[Fault, Callable[[], object]] = {
            Fault.SCORER_KILLED: self._kill_scorer,
            Fault.SCORER_RESTARTED: self._restart_scorer,
            Fault.SCORER_STOPPED: lambda: self._stop(self._scorer()),
            Fault.SCORER_JOINS: self._join,
            Fault.REBALANCE: self._rebalance,
            Fault.BATCH_LOST: self._lose_batch,
            Fault.BROKER_AWAY: self._broker_away,
            Fault.BROKER_ANSWER_LOST: lambda: self._count_up(world.broker, "lose_answers"),
            Fault.BROKER_TORN: lambda: self._count_up(world.broker, "torn"),
            Fault.BROKER_DOUBLED: lambda: self._count_up(world.broker, "doubled"),
            Fault.DEAD_LETTERS_AWAY: self._dead_letters_away,
            Fault.HOLE: self._hole,
            Fault.RETENTION: self._retention,
            Fault.REDIS_AWAY: self._redis_away,
            Fault.REDIS_SLOW: self._redis_slow,
            Fault.REDIS_FULL: self._redis_full,
            Fault.REDIS_ANSWER_LOST: lambda: self._count_up(world.redis, "lose_answers"),
            Fault.REDIS_INTERRUPTED: self._interrupt,
            Fault.REDIS_OLDER: self._older,
            Fault.REDIS_FLUSHED: self._flush,
            Fault.CLOCK_STEP: self._step_clock,
            Fault.ALERTER_KILLED: self._kill_alerter,
            Fault.ALERTER_KILLED_AFTER_2XX: self._kill_after_2xx,
            Fault.ALERTER_STOPPED: lambda: self._stop(self._alerter()),
            Fault.ALERTER_REBALANCE: self._rebalance_alerters,
            Fault.RECEIVER_FAILS: self._receiver_fails,
            Fault.RECEIVER_LOSES_ANSWER: lambda: self._receiver().answers.append(Answer.LOST),
            Fault.RECEIVER_GONE: lambda: self._receiver().answers.append(Answer.GONE),
        }
        self.excuses: list[float] = []
        """When something happened after which a receiver may hear an id again."""
        world.network.each_call = self._each_call

    def _each_call(self) -> None:
        """Those whose time has come wait until there is something to hit."""
        while self._left and self._left[-1].at_call <= self._world.network.count:
            self._due.append(self._left.pop().fault)
        if self._due and self._random.random() < 0.5:  # in the middle of it, not always at its first call
            for fault in [fault for fault in self._due if self._can_hit(fault)]:
                self._due.remove(fault)
                self._world.tell(fault)
                self.injected[fault] += 1
                self._inject[fault]()

    def _can_hit(self, fault: Fault) -> bool:
        if fault is Fault.ALERTER_KILLED:
            return any(alerter.is_handling for alerter in self._world.alerters)
        if fault in _OF_ALERTERS:
            return any(alerter.busy() for alerter in self._world.alerters)
        if fault is Fault.REDIS_OLDER:
            return any(process.busy() for process in (*self._world.scorers, *self._world.alerters))
        if fault in _OF_SCORERS:
            return any(scorer.busy() for scorer in self._world.scorers)
        return True

    def heal(self) -> None:
        """Servers are there, the stopped go on, the killed are started again; no new faults."""
        world = self._world
        self._left.clear()
        self._due.clear()
        self._healed = True
        broker, redis = world.broker, world.redis
        broker.refused_topics.clear()
        broker.torn = broker.doubled = broker.lose_answers = redis.lose_answers = world.lost_batches = 0
        redis.slow_s, redis.full, redis.away = 0.0, False, False
        broker.come_back()
        for receiver in world.receivers:
            receiver.answers.clear()
            receiver.kill_sender = None
        for process in (*world.scorers, *world.alerters):
            if process.process.stopped:
                self._continue(process)
        world.tell("healed")

    def effective(self) -> Counter[str]:
        """How often each kind of fault did something, in this seed."""
        world, broker, redis = self._world, self._world.broker.hit, self._world.redis.hit
        counts: Counter[str] = Counter(world.effective)
        counts[Fault.BROKER_AWAY] += broker["away"]
        counts[Fault.BROKER_ANSWER_LOST] += broker["answer_lost"]
        counts[Fault.BROKER_TORN] += broker["torn"]
        counts[Fault.BROKER_DOUBLED] += broker["doubled"]
        counts[Fault.DEAD_LETTERS_AWAY] += broker["topic_away"]
        counts[Fault.HOLE] += world.observer.holes > 0
        counts[Fault.REDIS_AWAY] += redis["away"]
        counts[Fault.REDIS_SLOW] += redis["slow"]
        counts[Fault.REDIS_FULL] += redis["full"]
        counts[Fault.REDIS_ANSWER_LOST] += redis["answer_lost"]
        counts[Fault.REDIS_INTERRUPTED] += redis["interrupted"]
        answers = Counter(t.answer for receiver in world.receivers for t in receiver.tries)
        counts[Fault.RECEIVER_FAILS] += answers[Answer.ERROR] + answers[Answer.TIMEOUT] + answers[Answer.BUSY]
        counts[Fault.RECEIVER_LOSES_ANSWER] += answers[Answer.LOST]
        counts[Fault.RECEIVER_GONE] += answers[Answer.GONE]
        return counts

    def _scorer(self) -> ScorerProcess | None:
        busy = [scorer for scorer in self._world.scorers if scorer.busy()]
        some = busy if busy and self._random.random() < 0.8 else self._world.scorers
        return self._random.choice(some) if some else None

    def _alerter(self) -> AlerterProcess | None:
        some = [alerter for alerter in self._world.alerters if alerter.busy()] or self._world.alerters
        return self._random.choice(some) if some else None

    def _receiver(self):
        return self._random.choice(self._world.receivers)

    def _hit(self, fault: Fault, effective: bool = True) -> None:
        self._world.effective[fault] += effective

    def _soon_s(self) -> float:
        """From a moment to longer than a session, now and then longer than a tick."""
        return 10 ** self._random.uniform(-1.0, 2.6)

    def _kill_scorer(self) -> None:
        victim = self._scorer()
        if victim is None:
            return
        self._hit(Fault.SCORER_KILLED, victim.busy())
        self._world.kill(victim)
        self._world.loop.later(self._random.uniform(0.5, 60.0), self._start_scorer)

    def _start_scorer(self) -> None:
        self._world.start_scorer()

    def _restart_scorer(self) -> None:
        victim, world = self._scorer(), self._world
        if victim is None or victim.process.stopped:
            return
        self._hit(Fault.SCORER_RESTARTED, victim.busy())

        async def end() -> None:
            await victim.reader.drain(5.0)
            if not victim.process.killed:
                victim.process.killed = True
                world.scorers.remove(victim)
                world.scorer_setup.group.leave(victim.member)
                world.loop.later(self._random.uniform(0.5, 30.0), self._start_scorer)

        world.loop.spawn(end(), victim.process)

    def _stop(self, victim: ScorerProcess | AlerterProcess | None) -> None:
        """SIGSTOP, and some time later SIGCONT."""
        if victim is None or victim.process.stopped:
            return
        world = self._world
        if isinstance(victim, ScorerProcess):
            self._hit(Fault.SCORER_STOPPED, victim.busy())
            world.scorer_setup.group.lost(victim.member)
        else:
            self._hit(Fault.ALERTER_STOPPED, victim.busy())
            world.alerter_setup.group.lost(victim.member)
        victim.process.stopped = True
        world.loop.later(self._soon_s(), self._continue, victim)

    def _continue(self, victim: ScorerProcess | AlerterProcess) -> None:
        if not victim.process.stopped or victim.process.killed:
            return
        world = self._world
        self.excuses.append(world.loop.time())
        world.loop.resume(victim.process)
        setup = world.scorer_setup if isinstance(victim, ScorerProcess) else world.alerter_setup
        setup.group.back(victim.member)

    def _join(self) -> None:
        if len(self._world.scorers) < 2 * self._world.shape.partitions:
            self._hit(Fault.SCORER_JOINS, any(scorer.busy() for scorer in self._world.scorers))
            self._world.start_scorer()

    def _rebalance(self) -> None:
        self._hit(Fault.REBALANCE, any(scorer.busy() for scorer in self._world.scorers))
        self._world.scorer_setup.group.rebalance()

    def _lose_batch(self) -> None:
        self._world.lost_batches += 1

    def _while(self, name: str, begin: Callable[[], object], end: Callable[[], object], lasts_s: float) -> None:
        """Begin, and end when the last of those that overlap is over."""
        self._away[name] += 1
        begin()

        def over() -> None:
            self._away[name] -= 1
            if not self._away[name] and not self._healed:
                end()

        self._world.loop.later(lasts_s, over)

    def _broker_away(self) -> None:
        broker = self._world.broker
        self._while("broker", lambda: setattr(broker, "away", True), broker.come_back, self._soon_s())

    def _count_up(self, server, name: str) -> None:
        setattr(server, name, getattr(server, name) + self._random.randint(1, 2))

    def _dead_letters_away(self) -> None:
        topics = self._world.broker.refused_topics
        self._while("dead", lambda: topics.add(DEAD), topics.clear, 10 * self._soon_s())

    def _hole(self) -> None:
        self._random.choice(self._world.broker.logs(TOPIC)).skip(self._random.randint(1, 3))

    def _retention(self) -> None:
        """Nothing that may be read again: not where Redis is emptied, and some records behind the fence."""
        if self._flushes:
            return
        for log, core in zip(self._world.broker.logs(TOPIC), self._world.redis.partitions, strict=True):
            fence = core.fence()
            if fence is not None and fence.offset > 40:
                log.forget_below(fence.offset - 40)
                self._hit(Fault.RETENTION)

    def _redis_away(self) -> None:
        redis = self._world.redis
        self._while(
            "redis", lambda: setattr(redis, "away", True), lambda: setattr(redis, "away", False), self._soon_s()
        )

    def _redis_slow(self) -> None:
        redis = self._world.redis
        self._while(
            "slow", lambda: setattr(redis, "slow_s", 4.0), lambda: setattr(redis, "slow_s", 0.0), self._soon_s()
        )

    def _redis_full(self) -> None:
        redis = self._world.redis
        self._while("full", lambda: setattr(redis, "full", True), lambda: setattr(redis, "full", False), self._soon_s())

    def _interrupt(self) -> None:
        self._random.choice(self._world.redis.partitions).interrupt_next_commit(self._random.choice(list(Interruption)))

    def _older(self) -> None:
        """kill -9 within a second after the last fsync."""
        redis, saved, crashes = self._world.redis, self._world.redis.saved(), self._crashes

        def crash() -> None:
            if not self._healed and crashes == self._crashes:
                self._crashes += 1
                self.excuses.append(self._world.loop.time())
                self._hit(Fault.REDIS_OLDER, redis.crash(saved))
                self._while(
                    "redis",
                    lambda: setattr(redis, "away", True),
                    lambda: setattr(redis, "away", False),
                    self._random.uniform(0.2, 5.0),
                )

        self._world.loop.later(self._random.uniform(0.05, 1.0), crash)

    def _flush(self) -> None:
        self._hit(Fault.REDIS_FLUSHED, any(core.fence() is not None for core in self._world.redis.partitions))
        self.excuses.append(self._world.loop.time())
        self.flushed_s = self._world.loop.time()
        self._world.redis.flush()

    def _step_clock(self) -> None:
        victim = self._random.choice([*self._world.scorers, *self._world.alerters] or [self._world])
        victim.clock.skew_ms = self._random.choice([-STEP_MS, 0, STEP_MS])
        self._hit(Fault.CLOCK_STEP, victim.clock.skew_ms != 0 and victim is not self._world)

    def _kill_alerter(self) -> None:
        """In the middle of a record; sometimes it has waited there for Redis for some seconds."""
        victims = [alerter for alerter in self._world.alerters if alerter.is_handling]
        if not victims:
            return
        victim = self._random.choice(victims)
        delay_s = 0.0
        if self._random.random() < 0.5:
            delay_s = self._random.uniform(1.5, 6.0)
            self._redis_away()

        def kill() -> None:
            if not self._healed and not victim.process.killed:
                self._hit(Fault.ALERTER_KILLED, victim.is_handling)
                self._end_alerter(victim.process)

        self._world.loop.later(delay_s, kill)

    def _kill_after_2xx(self) -> None:
        def kill(process: Process) -> None:
            if not process.killed:
                self._hit(Fault.ALERTER_KILLED_AFTER_2XX)
                self._end_alerter(process)

        self._receiver().kill_sender = kill

    def _end_alerter(self, process: Process) -> None:
        self.excuses.append(self._world.loop.time())
        for victim in [alerter for alerter in self._world.alerters if alerter.process is process]:
            self._world.kill(victim)
            self._world.loop.later(self._random.uniform(0.5, 60.0), self._world.start_alerter)

    def _rebalance_alerters(self) -> None:
        busy = any(alerter.busy() for alerter in self._world.alerters)
        self._hit(Fault.ALERTER_REBALANCE, busy)
        self._world.alerter_setup.group.rebalance()

    def _receiver_fails(self) -> None:
        some = self._random.choices([Answer.ERROR, Answer.TIMEOUT, Answer.BUSY], k=self._random.randint(1, 3))
        self._receiver().answers.extend(some)
