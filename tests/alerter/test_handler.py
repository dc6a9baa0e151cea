from __future__ import annotations

import pytest

from kenko.alerting.policy import AlertPolicy
from kenko.alerting.reason import Reason
from kenko.runtime.errors import PermanentError, TransientError
from kenko.store.alerts import RecordOutcome
from kenko.store.alerts_memory import MemoryAlertStore
from kenko.stream.outputs import forget_copy
from kenko.stream.producer import MemoryOutput
from schemas.base import from_ms
from schemas.dead_letter import DeadLetter, DeadLetterReason
from schemas.forget import Forget
from schemas.tick import TICK_TYPE, Tick
from services.alerter.handler import TransitionHandler
from services.alerter.log_time import LogTime

HOUR_MS = 3_600_000
TICK = (("ce_type", TICK_TYPE.encode()),)


class Setup:
    """A handler over twins."""

    def __init__(self, clock, metrics, *, time="wall", store=None):
        self.store = store or MemoryAlertStore(0)
        self.output = MemoryOutput()
        self.woken = []
        self.metrics = metrics
        self.handler = TransitionHandler(
            policy=AlertPolicy(receivers=("memory",)),
            stores=lambda _partition: self.store,
            log_time=LogTime(time, clock),
            clock=clock,
            output=self.output,
            dead_letter_topic="dead",
            recorded=self.woken.append,
            metrics=metrics,
        )

    def count(self, name, **labels):
        return _value(self.metrics, name, labels)


def _value(metrics, name, labels):
    family = getattr(metrics, name)
    return (family.labels(**labels) if labels else family)._value.get()


@pytest.fixture
def setup(clock, metrics):
    return Setup(clock, metrics)


async def test_a_transition_is_recorded_and_its_delivery_woken(setup, record, transition):
    assert await setup.handler.handle(record(transition())) is Reason.OPENED
    (history,) = await setup.store.alerts()
    assert history.account_id == "Acme"
    assert setup.woken == [0]
    assert (await setup.store.claim("memory", 2**50, 1)).delivery.transition_ms == record().timestamp_ms
    assert setup.count("transitions") == 1
    assert setup.count("decisions", reason="opened") == 1


async def test_read_again_it_is_a_duplicate_that_changes_nothing(setup, record, transition):
    await setup.handler.handle(record(transition()))
    before = await setup.store.alerts()
    assert await setup.handler.handle(record(transition(), offset=9)) is Reason.DUPLICATE
    assert await setup.store.alerts() == before
    assert setup.woken == [0]
    assert setup.count("decisions", reason="duplicate") == 1


async def test_the_zone_and_a_rule_at_one_tick_are_two_alerts_and_end_each_by_itself(setup, record, transition):
    zone = transition()
    begins = zone.model_copy(update={"id": "r1", "rule": "fast-drop", "active": True, "label": "fast drop"})
    assert await setup.handler.handle(record(zone)) is Reason.OPENED
    assert await setup.handler.handle(record(begins, offset=1)) is Reason.OPENED
    ends = transition(ms=5).model_copy(update={"rule": "fast-drop", "active": False, "label": "fast drop"})
    assert await setup.handler.handle(record(ends, offset=2)) is Reason.RESOLVED
    ended = {history.rule: history.resolved_at is not None for history in await setup.store.alerts()}
    assert ended == {"zone": False, "fast-drop": True}


async def test_a_dead_letter_is_cut_to_what_kafka_takes(setup, record, transition):
    await setup.handler.handle(record(transition(), offset=42, key=b"k" * 900_000, value=b"\xff" * 900_000))
    (letter,) = setup.output.sent
    assert len(letter.key) + len(letter.value) < 700_000
    message = DeadLetter.from_headers(list(letter.headers)).message
    assert "key cut from 900000" in message
    assert "value cut from 900000" in message


@pytest.mark.parametrize(
    "row",
    [
        ({"value": b"\xff\xfe"}, DeadLetterReason.UNDECODABLE, "Invalid JSON"),
        ({"value": b"{"}, DeadLetterReason.UNDECODABLE, "Invalid JSON"),
        ({"value": None}, DeadLetterReason.UNDECODABLE, "value is null"),
        ({"value": b"{}"}, DeadLetterReason.INVALID, "account_id: Field required"),
        ({"value": b'"x"'}, DeadLetterReason.INVALID, "Input should be an object"),
        ({"key": b"other"}, DeadLetterReason.INVALID, "key is not the account_id"),
        ({"key": None}, DeadLetterReason.INVALID, "key is not the account_id"),
        ({"headers": TICK, "value": b"{}"}, DeadLetterReason.INVALID, "time: Field required"),
    ],
)
async def test_what_is_no_transition_goes_to_the_dead_letters(setup, record, transition, row):
    fields, reason, message = row
    bad = record(transition(), offset=42, **fields)
    assert await setup.handler.handle(bad) is None
    (letter,) = setup.output.sent
    assert (letter.topic, letter.key, letter.value) == ("dead", bad.key, bad.value or b"")
    dead = DeadLetter.from_headers(letter.headers)
    assert (dead.reason, dead.app, dead.topic, dead.partition, dead.offset) == (
        reason,
        "alerter",
        "kenko.transitions.v1",
        0,
        42,
    )
    assert message in dead.message
    assert tuple(letter.headers[: len(bad.headers)]) == bad.headers
    assert setup.count("dead_letters", reason=reason.value) == 1
    assert await setup.handler.handle(record(transition())) is Reason.OPENED  # the stream goes on


async def test_a_dead_letter_holds_no_payload_in_its_message(setup, record, transition):
    value = transition(account="Secret Customer").model_dump_json().replace('"red"', '"Secret Zone"')
    await setup.handler.handle(record(value=value.encode(), key=b"Secret Customer"))
    assert "Secret" not in DeadLetter.from_headers(setup.output.sent[0].headers).message


class Flaky(MemoryAlertStore):
    """Fails as told before it works."""

    def __init__(self, *errors):
        super().__init__(0)
        self.errors = list(errors)

    async def state(self, account_id, rule):
        if self.errors:
            raise self.errors.pop(0)
        return await super().state(account_id, rule)


@pytest.mark.parametrize(
    "error", [TransientError("away"), PermanentError("wrong password", reason="redis_credentials")]
)
async def test_a_store_that_is_away_is_waited_for_in_place(clock, metrics, record, transition, error):
    setup = Setup(clock, metrics, store=Flaky(error))
    assert await setup.handler.handle(record(transition())) is Reason.OPENED
    assert setup.output.sent == []
    assert setup.count("waits", cause="redis") == 1


async def test_dead_letters_are_never_dropped(setup, record):
    tries = []

    async def send(records):
        tries.append(records)
        if len(tries) == 1:
            raise TransientError("no broker")

    setup.output.send = send
    assert await setup.handler.handle(record()) is None
    assert len(tries) == 2


class Contested(MemoryAlertStore):
    """Somebody else records first."""

    def __init__(self):
        super().__init__(0)
        self.refuse = 1

    async def record(self, write):
        if self.refuse:
            self.refuse -= 1
            await super().record(write)  # the other one decided the same
            return RecordOutcome.REFUSED
        return await super().record(write)


async def test_refused_by_the_store_it_looks_again(clock, metrics, record, transition):
    setup = Setup(clock, metrics, store=Contested())
    assert await setup.handler.handle(record(transition())) is Reason.DUPLICATE
    assert (await setup.store.outbox()) == {"memory": 1}


async def test_a_mistake_of_ours_does_not_stop_the_stream(setup, record, transition, monkeypatch):
    def broken(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr("services.alerter.handler.decide", broken)
    assert await setup.handler.handle(record(transition())) is None
    (letter,) = setup.output.sent
    assert DeadLetter.from_headers(letter.headers).message == "the alerter could not process it: ZeroDivisionError"


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("wall", Reason.TOO_OLD),  # the clock says so
        ("log", Reason.OPENED),  # a replay of old data is not old to itself
    ],
)
async def test_which_clock_says_how_old_it_is(clock, metrics, record, transition, *, time, reason):
    setup = Setup(clock, metrics, time=time)
    clock.advance(7 * HOUR_MS)
    assert await setup.handler.handle(record(transition())) is reason


async def test_in_log_time_now_is_the_newest_tick_of_the_partition(clock, metrics, record, transition):
    setup = Setup(clock, metrics, time="log")

    async def tick(ms, partition=0):
        value = Tick(time=from_ms(int(transition().time.timestamp() * 1000) + ms)).model_dump_json().encode()
        assert await setup.handler.handle(record(value=value, headers=TICK, partition=partition)) is None

    await tick(99 * HOUR_MS, partition=1)
    await tick(7 * HOUR_MS)
    await tick(HOUR_MS)  # time does not go back
    assert await setup.handler.handle(record(transition(account="old"))) is Reason.TOO_OLD
    assert await setup.handler.handle(record(transition(account="new", ms=2 * HOUR_MS))) is Reason.OPENED
    assert setup.count("transitions") == 2


def forget_of(record, account="Acme"):
    asked = Forget(id="f", account_id=account, time=from_ms(1_772_323_200_000), author="sato")
    out = forget_copy(asked, "kenko.transitions.v1", partition=0)
    return record(key=out.key, value=out.value, headers=out.headers)


async def test_a_forgotten_account_has_no_alert_and_gets_none(setup, record, transition):
    await setup.handler.handle(record(transition()))
    await setup.handler.handle(record(transition(account="Other")))
    assert await setup.handler.handle(forget_of(record)) is None

    # What a replay of the scorer tells again, and what a zombie tells late.
    assert await setup.handler.handle(record(transition())) is Reason.FORGOTTEN
    assert await setup.handler.handle(record(transition(None, ms=9))) is Reason.FORGOTTEN

    assert [history.account_id for history in await setup.store.alerts()] == ["Other"]
    assert await setup.store.outbox() == {"memory": 1}
    assert setup.count("forgets") == 1
    assert setup.count("decisions", reason="forgotten") == 2
    assert setup.output.sent == [], "no dead letter of it either"


async def test_a_forget_under_another_key_is_a_dead_letter(setup, record):
    await setup.handler.handle(forget_of(record)._replace(key=b"Other"))
    assert len(setup.output.sent) == 1
    assert not await setup.store.is_forgotten("Acme")
