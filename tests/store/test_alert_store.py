"""One suite over the Redis alert store and its twin."""

from __future__ import annotations

import asyncio

import pytest

from kenko.alerting.decide import decide
from kenko.alerting.policy import AlertPolicy
from kenko.alerting.reason import Reason
from kenko.alerting.record import DeliveryStatus
from kenko.runtime.errors import TransientError
from kenko.store.alerts import AlertWrite, RecordOutcome
from kenko.store.alerts_keys import AlertKeys
from kenko.store.alerts_memory import MemoryAlertStore
from kenko.store.alerts_reader import all_alerts
from kenko.store.alerts_redis import RedisAlertStore
from kenko.store.client import connect
from schemas.alert import AlertStatus, Notice
from schemas.base import from_ms, to_ms
from schemas.health import Standing, Zone
from schemas.transition import Cause, Receipt, ScoreChange, Transition

START_MS = 1_772_323_200_000
NOW_MS = START_MS + 1000
LEASE_MS = 30_000
HOUR_MS = 3_600_000
BOTH = AlertPolicy(receivers=("slack", "webhook"), cooldown_ms=0)
ONE = AlertPolicy(receivers=("webhook",), cooldown_ms=0)
# Everything a key could trip over: separators, braces of a hash tag, patterns, other scripts.
ODD = "a:b{c}*?[x] %s 健康"


@pytest.fixture(params=["memory", "redis"])
async def open_store(request):
    """Opens the same partition again and again, as a process that starts anew does."""
    if request.param == "memory":
        store = MemoryAlertStore(3, kept_alerts=5)
        yield lambda: store
        return
    client = connect(request.getfixturevalue("redis_url"))
    yield lambda: RedisAlertStore(client, AlertKeys(3, 12), kept_alerts=5)
    await client.aclose()


@pytest.fixture
def store(open_store):
    return open_store()


def transition(to="red", hours=0.0, account="Acme", rule="zone"):
    return Transition(
        id=f"{account}/{rule}/{hours}",
        account_id=account,
        rule=rule,
        model="default",
        score_hash="0",
        from_zone=None,
        to_zone=None if to is None else Zone(to),
        time=from_ms(START_MS + round(hours * HOUR_MS)),
        partition=3,
        offset=round(hours * 10),
        cause=Cause.BEHAVIOUR,
        receipt=Receipt(
            score=None, standing=Standing.SCORED, contributions=(), change=ScoreChange(before=None, after=None)
        ),
    )


async def prepare(store, item, policy=BOTH, now_ms=NOW_MS):
    """A write, decided from what the store holds now."""
    seen = await store.state(item.account_id, item.rule)
    decision = decide(seen.state, item, to_ms(item.time), policy)
    return AlertWrite(
        account_id=item.account_id,
        rule=item.rule,
        token=seen.token,
        decision=decision,
        transition_ms=now_ms - 100,
        now_ms=now_ms,
    )


async def put(store, item, policy=BOTH, now_ms=NOW_MS):
    write = await prepare(store, item, policy, now_ms)
    assert await store.record(write) is RecordOutcome.APPLIED
    return write.decision


def finished(delivery, status=DeliveryStatus.DELIVERED, at_ms=NOW_MS + 50):
    return delivery.pending().model_copy(update={"status": status, "attempts": delivery.attempt, "at": from_ms(at_ms)})


async def claim_all(store, receiver="webhook", now_ms=NOW_MS):
    found = []
    while (delivery := (await store.claim(receiver, now_ms, LEASE_MS)).delivery) is not None:
        found.append(delivery)
    return found


async def test_an_empty_store_knows_nothing(store):
    assert store.partition == 3
    assert await store.state("Acme", "zone") == (None, None)
    assert await store.claim("webhook", NOW_MS, LEASE_MS) == (None, None)
    assert await store.outbox() == {}
    assert await store.disabled() == {}
    assert await store.alerts() == []
    assert await store.alert("none") is None
    assert await store.delivery_record("none", "webhook", Notice.FIRING) is None


@pytest.mark.parametrize("account", ["Acme", ODD, "x" * 200])
async def test_a_decision_is_recorded_as_a_whole(open_store, account):
    store = open_store()
    decision = await put(store, transition(account=account))
    store = open_store()
    assert (await store.state(account, "zone")).state == decision.state
    assert (await store.state(account, "other")).state is None
    assert await store.outbox() == {"slack": 1, "webhook": 1}
    (history,) = await store.alerts()
    assert history == await store.alert(decision.alert.id)
    assert (history.account_id, history.partition, history.status) == (account, 3, AlertStatus.FIRING)
    assert (history.reason, history.resolve_reason, history.suppressed) == (Reason.OPENED, None, False)
    assert history.alert == decision.alert
    assert [(d.receiver, d.status, d.attempts) for d in history.deliveries] == [
        ("slack", DeliveryStatus.PENDING, 0),
        ("webhook", DeliveryStatus.PENDING, 0),
    ]


async def test_of_two_decisions_from_one_state_only_one_is_recorded(store):
    first, second = await prepare(store, transition()), await prepare(store, transition())
    assert await store.record(first) is RecordOutcome.APPLIED
    assert await store.record(second) is RecordOutcome.REFUSED
    assert await store.record(first) is RecordOutcome.REFUSED  # sent again because its answer was lost
    assert await store.outbox() == {"slack": 1, "webhook": 1}


async def test_a_suppressed_alert_is_recorded_with_its_reason_and_waits_nowhere(store):
    decision = await put(store, transition(), AlertPolicy())
    await put(store, transition("green", hours=1), AlertPolicy())
    (history,) = await store.alerts()
    assert (history.id, history.reason, history.suppressed) == (decision.alert.id, Reason.NO_RECEIVER, True)
    assert (history.status, history.resolve_reason) == (AlertStatus.RESOLVED, Reason.NOT_TOLD)
    assert (history.deliveries, await store.outbox()) == ((), {})


async def test_a_claimed_delivery_is_kept_from_others_until_its_lease_ends(store):
    await put(store, transition())
    claim = await store.claim("webhook", NOW_MS, LEASE_MS)
    assert (claim.delivery.receiver, claim.delivery.attempt) == ("webhook", 1)
    assert (claim.delivery.transition_ms, claim.delivery.queued_ms) == (NOW_MS - 100, NOW_MS)
    assert await store.claim("webhook", NOW_MS, LEASE_MS) == (None, NOW_MS + LEASE_MS)
    assert (await store.claim("slack", NOW_MS, LEASE_MS)).delivery is not None  # the other is not affected
    again = (await store.claim("webhook", NOW_MS + LEASE_MS, LEASE_MS)).delivery
    assert again.attempt == 2  # a try that nobody knows the end of counts too
    assert (again.message_id, again.message) == (claim.delivery.message_id, claim.delivery.message)


async def test_a_delivery_is_completed_once(store):
    decision = await put(store, transition(), ONE)
    (delivery,) = await claim_all(store)
    done = finished(delivery)
    assert await store.complete(delivery, done) is True
    assert await store.complete(delivery, finished(delivery, DeliveryStatus.EXHAUSTED)) is False
    assert await store.reschedule(delivery, NOW_MS) is False
    assert await store.claim("webhook", NOW_MS + HOUR_MS, LEASE_MS) == (None, None)
    assert await store.outbox() == {"webhook": 0}
    assert await store.delivery_record(decision.alert.id, "webhook", Notice.FIRING) == done
    assert (await store.alert(decision.alert.id)).deliveries == (done,)


async def test_a_postponed_delivery_is_due_at_its_time(store):
    await put(store, transition(), ONE)
    (delivery,) = await claim_all(store)
    assert await store.reschedule(delivery, NOW_MS + 5000) is True
    assert await store.claim("webhook", NOW_MS + 4999, LEASE_MS) == (None, NOW_MS + 5000)
    assert (await store.claim("webhook", NOW_MS + 5000, LEASE_MS)).delivery.attempt == 2


async def test_a_resolved_never_overtakes_its_firing(store):
    decision = await put(store, transition(), ONE)
    (firing,) = await claim_all(store)
    await store.reschedule(firing, NOW_MS + HOUR_MS)
    await put(store, transition("green", hours=0.5), ONE, now_ms=NOW_MS + 1)
    assert await claim_all(store, now_ms=NOW_MS + HOUR_MS - 1) == []
    (firing,) = await claim_all(store, now_ms=NOW_MS + HOUR_MS)
    assert firing.notice is Notice.FIRING
    await store.complete(firing, finished(firing, DeliveryStatus.EXHAUSTED, at_ms=NOW_MS + HOUR_MS + 5))
    assert await claim_all(store, now_ms=NOW_MS + HOUR_MS + 4) == []
    (resolved,) = await claim_all(store, now_ms=NOW_MS + HOUR_MS + 5)
    assert (resolved.notice, resolved.alert_id, resolved.attempt) == (Notice.RESOLVED, decision.alert.id, 1)
    history = await store.alert(decision.alert.id)
    assert (history.status, history.resolve_reason) == (AlertStatus.RESOLVED, Reason.RESOLVED)
    assert history.resolved_at == from_ms(START_MS + HOUR_MS // 2)
    assert [d.notice for d in history.deliveries] == [Notice.FIRING, Notice.RESOLVED]


async def test_the_next_of_a_queue_waits_for_the_head_of_its_own_account_only(store):
    await put(store, transition(account="slow"), ONE)
    (slow,) = await claim_all(store)
    await store.reschedule(slow, NOW_MS + HOUR_MS)
    await put(store, transition(account="slow", hours=0, rule="drop"), ONE)
    await put(store, transition(account="quick"), ONE)
    assert [d.account_id for d in await claim_all(store)] == ["quick"]


async def test_what_is_due_first_is_claimed_first(store):
    for account, now_ms in (("late", NOW_MS + 2), ("b", NOW_MS + 1), ("a", NOW_MS + 1), (ODD, NOW_MS)):
        await put(store, transition(account=account), ONE, now_ms=now_ms)
    assert [d.account_id for d in await claim_all(store, now_ms=NOW_MS + 9)] == [ODD, "a", "b", "late"]


async def test_many_at_once_claim_each_delivery_once(store):
    for number in range(20):
        await put(store, transition(account=f"a{number}"), ONE)
    claims = await asyncio.gather(*(store.claim("webhook", NOW_MS, LEASE_MS) for _ in range(40)))
    accounts = [claim.delivery.account_id for claim in claims if claim.delivery is not None]
    assert sorted(accounts) == sorted(f"a{n}" for n in range(20))


async def test_only_the_newest_alerts_are_remembered_and_the_rest_goes_on_without(store):
    """Five are kept here."""
    oldest = await put(store, transition(account="a0"), ONE)
    for number in range(1, 8):
        await put(store, transition(account=f"a{number}", hours=number), ONE)
    assert [h.account_id for h in await store.alerts()] == ["a7", "a6", "a5", "a4", "a3"]
    assert [h.account_id for h in await store.alerts(limit=2)] == ["a7", "a6"]
    assert (await store.state("a0", "zone")).state == oldest.state
    (delivery, *_) = await claim_all(store)
    assert await store.complete(delivery, finished(delivery)) is True
    await put(store, transition("green", account="a0", hours=9), ONE)
    assert await store.alert(oldest.alert.id) is None
    assert len(await store.alerts()) == 5
    assert (await store.outbox())["webhook"] == 8  # its end is told all the same


async def test_a_receiver_that_is_gone_is_remembered_with_its_address(open_store):
    await open_store().disable("webhook", "f1")
    assert await open_store().disabled() == {"webhook": "f1"}
    await open_store().disable("webhook", "f2")
    assert await open_store().disabled() == {"webhook": "f2"}


async def test_partitions_and_prefixes_do_not_see_each_other(redis_url):
    client = connect(redis_url)
    try:
        store = RedisAlertStore(client, AlertKeys(3, 12))
        await put(store, transition())
        for keys in (AlertKeys(4, 12), AlertKeys(3, 6), AlertKeys(3, 12, "other")):
            other = RedisAlertStore(client, keys)
            assert (await other.alerts(), await other.outbox()) == ([], {})
        tag = AlertKeys(3, 12).base.partition("{")[2].partition("}")[0]
        assert {key.partition(b"{")[2].partition(b"}")[0].decode() for key in await client.keys()} == {tag}
    finally:
        await client.aclose()


async def test_readers_see_the_alerts_of_all_partitions_newest_first(redis_url):
    client = connect(redis_url)
    try:
        for partition in range(3):
            item = transition(account=f"a{partition}", hours=partition)
            await put(RedisAlertStore(client, AlertKeys(partition, 3)), item)
        assert [h.account_id for h in await all_alerts(client, 3)] == ["a2", "a1", "a0"]
        assert [h.partition for h in await all_alerts(client, 3)] == [2, 1, 0]
        assert await all_alerts(client, 3, prefix="other") == []
    finally:
        await client.aclose()


async def test_nothing_is_left_behind_of_what_is_done(redis_url):
    client = connect(redis_url)
    try:
        store = RedisAlertStore(client, AlertKeys(3, 12))
        await put(store, transition(), ONE)
        (delivery,) = await claim_all(store)
        await store.complete(delivery, finished(delivery))
        kinds = {key.decode().partition("}:")[2].partition(":")[0] for key in await client.keys()}
        assert kinds == {"states", "alerts", "alert", "receivers"}
    finally:
        await client.aclose()


async def test_a_server_that_forgot_the_script_is_given_it_again(redis_url):
    client = connect(redis_url)
    try:
        store = RedisAlertStore(client, AlertKeys(3, 12))
        await client.script_flush()
        await put(store, transition(), ONE)
        assert len(await claim_all(store)) == 1
    finally:
        await client.aclose()


async def test_a_store_that_is_away_says_so_as_an_error_of_ours():
    client = connect("redis://127.0.0.1:1", retry=None)
    try:
        store = RedisAlertStore(client, AlertKeys(3, 12))
        with pytest.raises(TransientError):
            await store.state("Acme", "zone")
        with pytest.raises(TransientError):
            await store.claim("webhook", NOW_MS, LEASE_MS)
    finally:
        await client.aclose()


@pytest.mark.parametrize("account", ["Acme", ODD])
async def test_a_forgotten_account_leaves_nothing_and_the_others_stay(open_store, account):
    store = open_store()
    for name in (account, "Acme2", f"{account}\u00a0x"):
        await put(store, transition(account=name))
        await put(store, transition(account=name, rule="fast-drop"))
    await put(store, transition("green", 1, account))
    (claimed,) = [delivery for delivery in await claim_all(store) if delivery.account_id == account]

    assert not await store.is_forgotten(account)
    erased = await store.forget(account)

    assert (erased.states, erased.deliveries) == (2, 6)
    assert await open_store().is_forgotten(account)
    assert await store.state(account, "zone") == (None, None)
    assert {history.account_id for history in await store.alerts()} == {"Acme2", f"{account}\u00a0x"}
    assert await store.outbox() == {"slack": 4, "webhook": 4}
    assert {d.account_id for d in await claim_all(store, now_ms=NOW_MS + LEASE_MS)} == {"Acme2", f"{account}\u00a0x"}
    assert not await store.complete(claimed, finished(claimed)), "what was under way is not recorded"
    assert await store.forget(account) == (0, 0, 0)


async def test_nothing_more_is_recorded_of_a_forgotten_account(open_store):
    store = open_store()
    before = await prepare(store, transition())
    await store.forget("Acme")

    assert await store.record(before) is RecordOutcome.FORGOTTEN
    again = await prepare(open_store(), transition(hours=1))
    assert await open_store().record(again) is RecordOutcome.FORGOTTEN
    await put(store, transition(account="Other"))

    assert [history.account_id for history in await store.alerts()] == ["Other"]
    assert await store.outbox() == {"slack": 1, "webhook": 1}


async def test_no_key_of_a_forgotten_account_stays_in_redis(redis_url):
    client = connect(redis_url)
    store = RedisAlertStore(client, AlertKeys(3, 12))
    await put(store, transition(account="CANARY"))
    await put(store, transition(account="Other"))

    await store.forget("CANARY")

    held = [(key, await client.dump(key)) async for key in client.scan_iter()]
    assert held
    assert not [key for key, value in held if b"CANARY" in key or b"CANARY" in value]
    await client.aclose()
