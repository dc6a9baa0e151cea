"""Dispatcher, sender and partitions over the twins: what waits is sent, in order, once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from kenko.alerting.decide import decide
from kenko.alerting.outcome import DeliveryOutcome, SendError, SendStatus
from kenko.alerting.policy import AlertPolicy
from kenko.alerting.record import DeliveryStatus
from kenko.alerting.retry import SCHEDULE_MS
from kenko.delivery.receiver import MemoryReceiver
from kenko.runtime.errors import TransientError
from kenko.store.alerts import AlertWrite
from kenko.store.alerts_memory import MemoryAlertStore
from schemas.alert import Notice
from services.alerter.dispatcher import LEASE_MS, POLL_MS, Dispatcher
from services.alerter.partitions import Partitions
from services.alerter.sender import Sender

DELIVERED = DeliveryOutcome(SendStatus.DELIVERED, 200)
RETRY = DeliveryOutcome(SendStatus.RETRY, 500, error=SendError.STATUS)
GONE = DeliveryOutcome(SendStatus.DISABLED, 410, error=SendError.STATUS)


async def put(store, item, clock, receivers=("memory",)):
    seen = await store.state(item.account_id, item.rule)
    decision = decide(seen.state, item, clock.now_ms(), AlertPolicy(receivers=receivers, cooldown_ms=0))
    write = AlertWrite(
        account_id=item.account_id,
        rule=item.rule,
        token=seen.token,
        decision=decision,
        transition_ms=clock.now_ms() - 100,
        now_ms=clock.now_ms(),
    )
    await store.record(write)
    return decision


@pytest.fixture
def make_sender(clock, metrics):
    def make(receiver, disabled=None):
        return Sender(
            receiver, clock, jitter=lambda: 0.0, disabled={} if disabled is None else disabled, metrics=metrics
        )

    return make


async def claim(store, clock, receiver="memory"):
    return (await store.claim(receiver, clock.now_ms(), LEASE_MS)).delivery


async def test_what_is_delivered_is_recorded_after_the_send(clock, metrics, make_sender, transition):
    store, receiver = MemoryAlertStore(0), MemoryReceiver()
    decision = await put(store, transition(), clock)
    assert await make_sender(receiver).send(store, await claim(store, clock)) == 0
    assert receiver.delivered == [(f"{decision.alert.id}-firing", receiver.tried[0][1])]
    record = await store.delivery_record(decision.alert.id, "memory", Notice.FIRING)
    assert (record.status, record.attempts, record.http_status, record.latency_ms) == (
        DeliveryStatus.DELIVERED,
        1,
        200,
        100,
    )
    assert metrics.deliveries.labels("memory", "done")._value.get() == 1
    assert metrics.latency.labels("memory")._sum.get() == pytest.approx(0.1)


async def test_the_whole_schedule_is_kept_and_then_it_is_exhausted(clock, make_sender, transition):
    store, receiver = MemoryAlertStore(0), MemoryReceiver(outcomes=[RETRY] * 99)
    decision = await put(store, transition(), clock)
    sender, started = make_sender(receiver), clock.now_ms()
    times = []
    while (waiting := await store.claim("memory", clock.now_ms(), LEASE_MS)) != (None, None):
        if waiting.delivery is None:
            clock.advance(waiting.next_due_ms - clock.now_ms())
            continue
        times.append(clock.now_ms() - started)
        await sender.send(store, waiting.delivery)
    assert times == [sum(SCHEDULE_MS[: n + 1]) for n in range(10)]
    assert {identity for identity, _ in receiver.tried} == {f"{decision.alert.id}-firing"}
    record = await store.delivery_record(decision.alert.id, "memory", Notice.FIRING)
    assert (record.status, record.attempts, record.error) == (DeliveryStatus.EXHAUSTED, 10, SendError.STATUS)


async def test_the_end_of_what_never_arrived_is_not_told(clock, metrics, make_sender, transition):
    permanent = DeliveryOutcome(SendStatus.PERMANENT, 400, error=SendError.STATUS)
    store, receiver = MemoryAlertStore(0), MemoryReceiver(outcomes=[permanent])
    sender = make_sender(receiver)
    decision = await put(store, transition(), clock)
    await put(store, transition("green", ms=100), clock)
    await sender.send(store, await claim(store, clock))
    await sender.send(store, await claim(store, clock))
    assert len(receiver.tried) == 1
    history = await store.alert(decision.alert.id)
    assert [(d.status, d.attempts) for d in history.deliveries] == [
        (DeliveryStatus.FAILED, 1),
        (DeliveryStatus.SUPPRESSED, 0),
    ]
    assert metrics.deliveries.labels("memory", "suppressed")._value.get() == 1


async def test_a_410_ends_it_for_this_address(clock, make_sender, transition):
    store, receiver = MemoryAlertStore(0), MemoryReceiver(outcomes=[GONE])
    disabled = {}
    sender = make_sender(receiver, disabled)
    for account in ("a", "b"):
        await put(store, transition(account=account), clock)
        await sender.send(store, await claim(store, clock))
    assert len(receiver.tried) == 1
    assert {h.account_id: h.deliveries[0].status for h in await store.alerts()} == dict.fromkeys(
        "ab", DeliveryStatus.DISABLED
    )
    assert disabled == await store.disabled() == {"memory": "memory"}
    moved = MemoryReceiver(fingerprint="another address")
    await put(store, transition(account="c"), clock)
    await make_sender(moved, disabled).send(store, await claim(store, clock))
    assert len(moved.delivered) == 1


async def test_retry_after_holds_up_the_whole_receiver(clock, make_sender, transition):
    asked = DeliveryOutcome(SendStatus.RETRY, 429, retry_after_ms=60_000)
    store = MemoryAlertStore(0)
    await put(store, transition(), clock)
    assert await make_sender(MemoryReceiver(outcomes=[asked])).send(store, await claim(store, clock)) == 60_000
    assert (await store.claim("memory", clock.now_ms(), LEASE_MS)).next_due_ms == clock.now_ms() + 60_000


async def test_an_outcome_that_the_store_does_not_take_is_kept_until_it_does(clock, make_sender, transition):
    class Flaky(MemoryAlertStore):
        failures = 2

        async def complete(self, delivery, record):
            if self.failures:
                self.failures -= 1
                raise TransientError("away")
            return await super().complete(delivery, record)

    store, receiver = Flaky(0), MemoryReceiver()
    await put(store, transition(), clock)
    await make_sender(receiver).send(store, await claim(store, clock))
    assert (len(receiver.tried), await store.outbox()) == (1, {"memory": 0})


@asynccontextmanager
async def running(*dispatchers):
    tasks = [asyncio.create_task(dispatcher.run()) for dispatcher in dispatchers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for dispatcher in dispatchers:
            await dispatcher.drain(5)


async def until(condition, dispatcher=None):
    """Poll `condition` for at most ten seconds."""
    async with asyncio.timeout(10):
        while not condition():
            if dispatcher is not None:
                dispatcher.wake()
            await asyncio.sleep(0.005)


async def test_each_partition_is_sent_and_what_comes_later_too(clock, make_sender, transition):
    stores = {number: MemoryAlertStore(number) for number in range(3)}
    receiver = MemoryReceiver()
    for number, store in stores.items():
        for account in range(10):
            await put(store, transition(account=f"{number}.{account}"), clock)
    dispatcher = Dispatcher(receiver, stores, make_sender(receiver), clock)
    async with running(dispatcher):
        await until(lambda: len(receiver.delivered) == 30)
        await put(stores[1], transition(account="late"), clock)
        dispatcher.wake(1)
        await until(lambda: len(receiver.delivered) == 31)
    assert len({identity for identity, _ in receiver.tried}) == 31


async def test_only_owned_partitions_are_sent(clock, make_sender, transition):
    ours, theirs = MemoryAlertStore(0), MemoryAlertStore(1)
    owned = {0: ours}
    receiver = MemoryReceiver()
    await put(theirs, transition(account="theirs"), clock)
    await put(ours, transition(account="ours"), clock)
    dispatcher = Dispatcher(receiver, owned, make_sender(receiver), clock)
    async with running(dispatcher):
        await until(lambda: len(receiver.delivered) == 1)
        assert await theirs.outbox() == {"memory": 1}
        owned[1] = theirs
        dispatcher.wake()
        await until(lambda: len(receiver.delivered) == 2)


class Stuck(MemoryReceiver):
    """Answers when it is let go."""

    def __init__(self, name, **fields):
        super().__init__(name, **fields)
        self.let_go = asyncio.Event()
        self.under_way = 0
        self.most = 0

    async def deliver(self, message_id, message):
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.let_go.wait()
        self.under_way -= 1
        return await super().deliver(message_id, message)


async def test_a_receiver_that_hangs_delays_no_other(clock, make_sender, transition):
    store = MemoryAlertStore(0)
    dead, alive = Stuck("dead", concurrency=2), MemoryReceiver("alive")
    for account in range(5):
        await put(store, transition(account=str(account)), clock, ("alive", "dead"))
    dispatchers = [Dispatcher(r, {0: store}, make_sender(r), clock) for r in (dead, alive)]
    async with running(*dispatchers):
        await until(lambda: len(alive.delivered) == 5 and dead.under_way == 2)
        assert dead.tried == []
        dead.let_go.set()
        await until(lambda: len(dead.delivered) == 5)
    assert dead.most == 2


async def test_a_delivery_that_outlasts_its_lease_is_not_sent_beside_itself(clock, make_sender, transition):
    """The receiver has it, the record of that waits for Redis; meanwhile the lease ends, or the clock is set forward."""

    class Claims(MemoryAlertStore):
        claimed = 0

        async def claim(self, receiver, now_ms, lease_ms):
            claim = await super().claim(receiver, now_ms, lease_ms)
            self.claimed += claim.delivery is not None
            return claim

    store, receiver = Claims(0), Stuck("memory")
    await put(store, transition(), clock)
    dispatcher = Dispatcher(receiver, {0: store}, make_sender(receiver), clock)
    async with running(dispatcher):
        await until(lambda: receiver.under_way == 1)
        clock.advance(LEASE_MS + 1)
        await until(lambda: store.claimed == 2, dispatcher)
        await put(store, transition(account="other"), clock)
        await until(lambda: receiver.under_way == 2, dispatcher)  # the others go on
        receiver.let_go.set()
        await until(lambda: len(receiver.tried) == 2)
    assert len({identity for identity, _ in receiver.tried}) == 2
    assert await store.outbox() == {"memory": 0}


async def test_a_claim_that_fails_is_tried_again(clock, make_sender, transition):
    class Flaky(MemoryAlertStore):
        failures = 1

        async def claim(self, receiver, now_ms, lease_ms):
            if self.failures:
                self.failures -= 1
                raise TransientError("away")
            return await super().claim(receiver, now_ms, lease_ms)

    store, receiver = Flaky(0), MemoryReceiver()
    await put(store, transition(), clock)
    async with running(Dispatcher(receiver, {0: store}, make_sender(receiver), clock)):
        await until(lambda: receiver.delivered)


async def test_a_mistake_about_one_delivery_does_not_stop_the_others(clock, make_sender, transition):
    class Broken(MemoryReceiver):
        async def deliver(self, message_id, message):
            if message.data.account_id == "poison":
                raise ZeroDivisionError
            return await super().deliver(message_id, message)

    store, receiver = MemoryAlertStore(0), Broken(concurrency=1)
    for account in ("poison", "good"):
        await put(store, transition(account=account), clock)
    async with running(Dispatcher(receiver, {0: store}, make_sender(receiver), clock)):
        await until(lambda: receiver.delivered)
    assert await store.outbox() == {"memory": 1}  # the other one waits for its lease


async def test_a_retry_is_sent_when_it_is_due_without_being_woken(clock, make_sender, transition):
    store, receiver = MemoryAlertStore(0), MemoryReceiver(outcomes=[RETRY])
    await put(store, transition(), clock)
    dispatcher = Dispatcher(receiver, {0: store}, make_sender(receiver), clock)
    async with running(dispatcher):
        await until(lambda: len(receiver.tried) == 1)
        clock.advance(SCHEDULE_MS[1] + POLL_MS)
        await until(lambda: len(receiver.delivered) == 1)


async def test_after_a_crash_between_send_and_record_it_is_sent_again_with_the_same_id(clock, make_sender, transition):
    store, receiver = MemoryAlertStore(0), MemoryReceiver()
    await put(store, transition(), clock)
    delivery = await claim(store, clock)
    await receiver.deliver(delivery.message_id, delivery.message)  # and the process is gone
    clock.advance(LEASE_MS)
    async with running(Dispatcher(receiver, {0: store}, make_sender(receiver), clock)):
        await until(lambda: len(receiver.delivered) == 2)
    assert receiver.delivered[0] == receiver.delivered[1]
    assert (await store.alerts())[0].deliveries[0].attempts == 2


class DyingReceiver(MemoryReceiver):
    """The process ends while the receiver is called."""

    async def deliver(self, _message_id, _message):
        raise asyncio.CancelledError


async def test_a_crash_while_it_is_sent_leaves_it_waiting(clock, make_sender, transition):
    store = MemoryAlertStore(0)
    decision = await put(store, transition(), clock)
    with pytest.raises(asyncio.CancelledError):
        await make_sender(DyingReceiver()).send(store, await claim(store, clock))

    record = await store.delivery_record(decision.alert.id, "memory", Notice.FIRING)
    assert record.status is DeliveryStatus.PENDING
    clock.advance(LEASE_MS)
    assert (await claim(store, clock)).attempt == 2


async def test_taking_over_a_partition(clock, metrics, transition):
    """What it remembers of receivers is learnt, and what waits for one that is no longer there is suppressed."""
    store = MemoryAlertStore(4)
    await put(store, transition(), clock, ("memory", "retired"))
    await put(store, transition("green", ms=10), clock, ("memory", "retired"))
    await store.disable("memory", "f")
    disabled, taken = {}, []
    partitions = Partitions(lambda _p: store, ["memory"], clock, disabled=disabled, metrics=metrics)
    assert not partitions.assigned
    run = asyncio.create_task(partitions.run(taken.append))
    partitions.assign([4])
    await until(lambda: taken == [4])
    assert (partitions.owned, partitions.assigned, disabled) == ({4: store}, True, {"memory": "f"})
    assert await partitions.outbox() == {"memory": 2, "retired": 0}
    (history,) = await store.alerts()
    assert [(d.receiver, d.status, d.attempts) for d in history.deliveries if d.receiver == "retired"] == [
        ("retired", DeliveryStatus.SUPPRESSED, 0)
    ] * 2
    partitions.revoke([4])
    assert partitions.owned == {}
    partitions.assign([4])
    await until(lambda: 4 in partitions.owned)
    partitions.assign([])
    assert partitions.owned == {}
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
