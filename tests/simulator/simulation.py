"""Simulate: one seed from its first record to the checker's last word."""

from __future__ import annotations

import gc
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from tests.simulator.checker import Checker
from tests.simulator.faults import Fault, Faults
from tests.simulator.scorer_process import GROUP as SCORERS
from tests.simulator.story import Written
from tests.simulator.virtual_loop import StuckError
from tests.simulator.world import RECOVERY_S, TOPIC, World


@dataclass
class Result:
    """`wrong`: what is wrong, empty if nothing is. `effective`: how often each kind of fault did something."""

    seed: int
    wrong: list[str]
    trace: list[str]
    effective: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    record: bytes = b""

    def __str__(self) -> str:
        return "\n".join([f"seed {self.seed}:", *(f"  {text}" for text in self.wrong), *self.trace])


def simulate(
    seed: int, *, only: Fault | None = None, without_faults: bool = False, replays: bool | None = None
) -> Result:
    """Run the seed. `replays`: whether everything is read again at the end (I10); None: the seed decides."""
    with _silence():
        return _simulate(seed, only=only, without_faults=without_faults, replays=replays)


@contextmanager
def _silence() -> Iterator[None]:
    """Nobody reads a thousand lines of log a seed, and they take more time than all else."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    collects = gc.isenabled()
    gc.disable()  # a seed leaves some megabytes, and is soon over
    try:
        yield
    finally:
        structlog.configure(**before)
        if collects:
            gc.enable()


def _simulate(seed: int, *, only: Fault | None, without_faults: bool, replays: bool | None) -> Result:
    world = World(seed)
    faults = Faults(world, only=only, calls=1 if without_faults else 1200)
    if without_faults:
        faults.heal()
    wrong: list[str] = []
    try:
        world.start()
        world.run_load()
        faults.heal()
        world.settle()
        checker = Checker(world, faults)
        wrong = checker.check()
        if seed % 4 == 0 if replays is None else replays:
            wrong += _replayed(world, faults)
    except StuckError as stuck:
        wrong = [f"I8: {stuck}", *world.failures, *(str(error) for error in world.loop.errors)]
    finally:
        world.loop.close()
    effective = faults.effective() + loaded(world)
    return Result(seed, wrong, world.trace, effective, _figures(world), world.record())


def _replayed(world: World, faults: Faults) -> list[str]:
    """I10: the log read again from its start into an empty store gives the same, and nobody is told anything."""
    if any(log.start for log in world.broker.logs(TOPIC)):
        return []
    told = sum(len(receiver.tries) for receiver in world.receivers)
    for partition, core in enumerate(world.redis.partitions):  # in a second of quiet it has followed
        if (fence := core.fence()) is not None:
            world.broker.committed[SCORERS, partition] = fence.offset
    world.redis.flush_states()
    world.tell("the states are emptied, to be read again")
    world.start_scorer(writes_ticks=False)
    world.until(world.is_applied, RECOVERY_S, "all is read again")
    world.until(world.is_told, RECOVERY_S, "the outboxes are empty")
    checker = Checker(world, faults)
    checker.states()
    again = sum(len(receiver.tries) for receiver in world.receivers) - told
    return [*checker.wrong, *([f"I10: {again} messages were sent for a replay"] if again else [])]


def loaded(world: World) -> Counter[str]:
    """How many records of each kind of the load came to something: were refused, forwarded or applied as they should."""
    written = Counter(line.written.value for line in world.accepted)
    totals: Counter[str] = Counter()
    for core in world.redis.partitions:
        fence = core.fence()
        totals.update({} if fence is None else fence.counts)
    dead = sum(number for name, number in totals.items() if name.startswith("dead_lettered."))
    least = {
        Written.DUPLICATE: totals["duplicate"],
        Written.CONFLICT: totals["duplicate"],
        Written.YEAR_OLD: totals["too_late"],
        Written.FUTURE: dead,
        Written.POISON: dead,
        Written.MISROUTED: totals["forwarded"],
        Written.FORGET: totals["forgotten"],
    }
    return Counter({kind: min(number, least.get(Written(kind), number)) for kind, number in written.items()})


def _figures(world: World) -> Counter[str]:
    return Counter(
        records=sum(len(log.records) for log in world.broker.logs(TOPIC)),
        calls=world.network.count,
        steps=world.loop.steps,
        tries=sum(len(receiver.tries) for receiver in world.receivers),
        refusals=world.observer.refusals,
        gaps=world.observer.gaps,
        rebalances=world.scorer_setup.group.rebalances,
    )
