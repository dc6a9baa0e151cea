"""The confirmer: what a crash of Redis takes away is recorded again, and nothing is acknowledged before it is safe."""

from __future__ import annotations

import asyncio
import copy

import pytest

from kenko.alerting.policy import AlertPolicy
from kenko.alerting.reason import Reason
from kenko.store.alerts_memory import MemoryAlertStore
from kenko.stream.outputs import forget_copy
from kenko.stream.producer import MemoryOutput
from schemas.base import from_ms
from schemas.forget import Forget
from services.alerter.confirmer import CONFIRM_AFTER_S, Confirmer
from services.alerter.handler import TransitionHandler
from services.alerter.log_time import LogTime

AFTER_MS = round(CONFIRM_AFTER_S * 1000)


class Setup:
    """A confirmer over twins. `crash` takes the store back to where it was at `save`."""

    def __init__(self, clock, metrics):
        self.clock, self.metrics = clock, metrics
        self.store = MemoryAlertStore(0)
        self.acked = []
        self.confirmer = Confirmer(
            TransitionHandler(
                policy=AlertPolicy(receivers=("memory",), cooldown_ms=0),
                stores=lambda _partition: self.store,
                log_time=LogTime("wall", clock),
                clock=clock,
                output=MemoryOutput(),
                dead_letter_topic="dead",
                recorded=lambda _partition: None,
                metrics=metrics,
            ),
            clock,
            metrics,
        )

    async def take(self, record, offset):
        await self.confirmer.take(record._replace(offset=offset), lambda: self.acked.append(offset))

    async def confirm(self):
        self.clock.advance(AFTER_MS)
        await self.confirmer.confirm(0)

    def save(self):
        self.saved = copy.deepcopy(self.store)

    def crash(self):
        self.store = self.saved

    def restored(self):
        return self.metrics.restored._value.get()


@pytest.fixture
def setup(clock, metrics):
    return Setup(clock, metrics)


async def test_it_is_acknowledged_when_it_must_be_on_the_disk(setup, record, transition):
    await setup.take(record(transition()), 0)
    setup.clock.advance(AFTER_MS - 1)
    await setup.take(record(transition(account="Other")), 1)
    await setup.confirmer.confirm(0)
    assert setup.acked == []
    setup.clock.advance(1)
    await setup.confirmer.confirm(0)
    assert setup.acked == [0]
    assert setup.restored() == 0


async def test_what_a_crash_of_redis_took_is_recorded_again_in_its_order(setup, record, transition):
    setup.save()
    await setup.take(record(transition()), 0)
    await setup.take(record(transition("green", ms=9)), 1)
    setup.crash()
    await setup.confirm()
    assert setup.acked == []
    (history,) = await setup.store.alerts()
    assert (history.reason, history.resolve_reason) == (Reason.OPENED, Reason.RESOLVED)
    assert await setup.store.outbox() == {"memory": 2}
    assert setup.restored() == 2
    await setup.confirm()
    assert setup.acked == [0, 1]


async def test_what_comes_after_a_crash_is_not_taken_before_what_was_lost(setup, record, transition):
    """Else the lost one would look like a repeat, and its episode would never be told."""
    setup.save()
    await setup.take(record(transition()), 0)
    setup.crash()
    await setup.take(record(transition("green", ms=9)), 1)
    (history,) = await setup.store.alerts()
    assert (history.reason, history.resolve_reason) == (Reason.OPENED, Reason.RESOLVED)


async def test_a_forget_that_was_lost_is_done_again(setup, record, transition):
    await setup.take(record(transition()), 0)
    setup.save()
    asked = forget_copy(Forget(id="f", account_id="Acme", time=from_ms(1), author="sato"), "t", partition=0)
    await setup.take(record(key=asked.key, value=asked.value, headers=asked.headers), 1)
    setup.crash()
    await setup.confirm()
    assert await setup.store.is_forgotten("Acme")
    assert await setup.store.alerts() == []
    await setup.confirm()
    assert setup.acked == [0, 1]


async def test_what_leaves_no_record_needs_none(setup, record):
    await setup.take(record(value=b"\xff", key=b"Acme"), 0)
    await setup.confirm()
    assert setup.acked == [0]
    assert setup.restored() == 0


async def test_a_partition_that_is_somebody_elses_is_not_acknowledged(setup, record, transition):
    await setup.take(record(transition()), 0)
    setup.confirmer.drop([0])
    await setup.confirm()
    assert setup.acked == []


async def test_it_confirms_by_itself(setup, record, transition):
    running = asyncio.create_task(setup.confirmer.run())
    await setup.take(record(transition()), 0)
    setup.clock.advance(AFTER_MS)
    await setup.take(record(transition(account="Other")), 1)
    async with asyncio.timeout(10):
        while not setup.acked:
            await asyncio.sleep(0.01)
    running.cancel()
    assert setup.acked == [0]
