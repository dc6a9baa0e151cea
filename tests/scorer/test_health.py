"""What the probes say in each state of a scorer."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from kenko.runtime.clock import ManualClock
from kenko.runtime.errors import PermanentError, TransientError
from kenko.runtime.health import examine
from kenko.runtime.lifecycle import Stop
from kenko.stream.observer import NullObserver
from kenko.stream.reader import PartitionReader
from kenko.stream.ticks import TickWriter
from services.scorer.app import ScorerService
from services.scorer.health import ScorerHealth
from services.scorer.settings import ScorerSettings


class Runner:
    """Of a runner's shape: stands at its fence, or does not."""

    next_offset = fence_offset = next_due_ms = 0

    def __init__(self):
        self.positioned = asyncio.Event()

    def start(self):
        self.positioned.set()

    def take_arrived(self):
        return True

    async def stop(self, limit_s):  # noqa: ARG002 - the runner's shape
        self.positioned.clear()


@pytest.fixture
def reader():
    return PartitionReader("t", lambda _: Runner(), NullObserver(), position_limit_s=1)


@pytest.fixture
def health(reader):
    """Redis and Kafka are there, and nothing is assigned yet."""
    health = ScorerHealth()
    health.reader, health.redis_answers = reader, True
    return health


def said(health):
    """(live, ready, startup), and why not."""
    probes = health.probes()
    reports = [examine(checks) for checks in (probes.live, probes.ready, probes.startup)]
    reasons = [check.reason for report in reports for check in report.checks.values() if not check.ok]
    return tuple(report.ok for report in reports), " ".join(reasons)


def test_redis_or_kafka_is_away_at_start():
    assert said(ScorerHealth())[0] == (True, False, False)
    assert "waiting for Redis and Kafka" in said(ScorerHealth())[1]


async def test_joined_and_in_a_rebalance(health, reader):
    assert said(health)[0] == (True, False, False)

    await reader.positions({0, 1})
    assert said(health) == ((True, True, True), "")

    dict(reader.owned())[1].positioned.clear()
    assert said(health)[0] == (True, False, True)
    assert "fences" in said(health)[1]

    await reader.revoked({0, 1})
    assert said(health)[0] == (True, True, True), "more scorers than partitions: one that owns none is ready to"


async def test_redis_goes_away_later(health, reader):
    await reader.positions({0})
    said(health)
    health.redis_answers = False
    assert said(health) == ((True, False, True), "Redis does not answer")


class Broker:
    """Takes records, or fails."""

    error = None

    async def send(self, records):
        if self.error is not None:
            raise self.error
        return list(range(len(records)))


@pytest.mark.parametrize(
    "error", [TransientError("no broker"), PermanentError("no right", reason="kafka_authorization")]
)
async def test_kafka_goes_away_later_and_is_back(health, reader, error):
    await reader.positions({0})
    broker = Broker()
    clock = ManualClock()
    ticks = TickWriter(reader=reader, output=broker, topic="t", interval_ms=1, clock=clock, observer=NullObserver())
    health.ticks = ticks
    running = asyncio.create_task(ticks.run())
    try:
        for failure in (None, error, None):
            broker.error = failure
            async with asyncio.timeout(10):
                while ticks.trouble != ("" if failure is None else str(failure)):
                    clock.advance(1)
                    await asyncio.sleep(0.001)
            assert said(health) == ((True, failure is None, True), "" if failure is None else str(failure))
    finally:
        running.cancel()


async def test_a_runner_that_failed_is_not_alive(health, reader):
    await reader.positions({0})
    health.failure = PermanentError("WRONGTYPE", reason="redis_command")
    (live, _, _), why = said(health)
    assert not live
    assert "WRONGTYPE" in why


async def test_the_watchdog_sees_kafkas_offsets_follow_the_fences(world):
    """On a real broker: what it would take for a consumer that the group has lost."""
    await world.send(500)
    given = {name.removeprefix("KENKO_").lower(): value for name, value in world.backend.environ().items()}
    settings = ScorerSettings(**given, partitions=4, tick_interval_ms=50, ops_port=0)
    service, stop = ScorerService(settings, world.model(), registry=CollectorRegistry()), Stop()
    running = asyncio.create_task(service.run(stop))
    seen = service._watchdog
    try:
        async with asyncio.timeout(60):
            while any(c.committed != c.fence for c in all_of(seen)) or sum(c.fence for c in all_of(seen)) < 500:
                assert not running.done(), running.result()
                await asyncio.sleep(0.05)
    finally:
        stop.request("the test is over")
        await running


def all_of(watchdog):
    return watchdog.seen.commits.values()
