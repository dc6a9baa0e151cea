"""The whole alerter as a process, on a broker and a Redis: a transition goes in, a delivery comes out."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys

import aiohttp
import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from standardwebhooks import Webhook

from kenko.alerting.reason import Reason
from kenko.alerting.record import DeliveryStatus
from kenko.engine.partitioning import murmur2_partition
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings
from kenko.store.alerts_keys import AlertKeys
from kenko.store.alerts_redis import RedisAlertStore
from kenko.store.client import connect
from kenko.stream.producer import KafkaOutput, OutRecord
from kenko.stream.topics import ensure_topics
from schemas.base import from_ms
from schemas.dead_letter import DeadLetter, DeadLetterReason
from schemas.topics import Topic

PARTITIONS = 2
SECRET = "whsec_a2Vua28ta2Vua28ta2Vua28ta2Vua28tdGVzdA=="
PATIENCE_S = 60

pytestmark = pytest.mark.timeout(180)


class Inbox:
    """A receiver on loopback. `answer` decides about each message."""

    def __init__(self):
        self.port = 0
        self.messages = []
        self.answer = lambda _path, _message: 200
        self.came = asyncio.Condition()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"

    async def handle(self, request):
        body = await request.read()
        message = json.loads(body)
        if request.path == "/webhook":
            Webhook(SECRET).verify(body, dict(request.headers))
        async with self.came:
            self.messages.append((request.path, request.headers.get("webhook-id"), message))
            self.came.notify_all()
        status = self.answer(request.path, message)
        return web.Response(status=await status if asyncio.iscoroutine(status) else status)

    async def wait_for(self, count, path="/webhook"):
        """The first `count` messages to `path`, or what came of them after a minute."""
        async with asyncio.timeout(PATIENCE_S), self.came:
            await self.came.wait_for(lambda: len(self.of(path)) >= count)
        return self.of(path)

    def of(self, path):
        return [(identity, message) for where, identity, message in self.messages if where == path]


@pytest.fixture
async def inbox():
    box = Inbox()
    app = web.Application()
    app.router.add_post("/{path}", box.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    box.port = runner.addresses[0][1]
    yield box
    await runner.cleanup()


class World:
    """A backend, what is put in, what is read out, and the alerter processes."""

    def __init__(self, backend, inbox, directory):
        self.backend = backend
        self.environ = {
            **os.environ,
            **backend.environ(),
            "KENKO_PARTITIONS": str(PARTITIONS),
            "KENKO_WEBHOOK_URL": inbox.url("webhook"),
            "KENKO_WEBHOOK_SECRET": SECRET,
            "KENKO_DANGEROUS_ALLOW_PRIVATE_RECEIVERS": "true",
            "KENKO_OPS_PORT": "0",
            "KENKO_LOG_FORMAT": "json",
        }
        self.directory = directory
        self.log = directory / "alerter.log"
        self.processes = []
        fields = {name.removeprefix("KENKO_").lower(): value for name, value in backend.environ().items()}
        self.settings = Settings(**{**fields, "partitions": PARTITIONS})
        self.output = KafkaOutput(self.settings, client_id="test")
        self.redis = connect(backend.redis_url)

    async def start_topics(self):
        await ensure_topics(
            self.settings.kafka_url, partitions=PARTITIONS, replication=1, prefix=self.settings.topic_prefix
        )

    async def send(self, *transitions, value=None):
        topic = self.settings.topic(Topic.TRANSITIONS)
        await self.output.send(
            [
                OutRecord(
                    topic,
                    item.account_id.encode(),
                    value if value is not None else item.model_dump_json().encode(),
                    [("kenko-type", b"transition")],
                    murmur2_partition(item.account_id.encode(), PARTITIONS),
                )
                for item in transitions
            ]
        )

    def start(self, **environ):
        log = self.log.open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "services.alerter"], env={**self.environ, **environ}, stdout=log, stderr=log
        )
        log.close()
        self.processes.append(process)
        return process

    async def stop(self, process):
        """SIGTERM; its exit code."""
        process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(process.wait, 40)

    def store(self, account):
        partition = murmur2_partition(account.encode(), PARTITIONS)
        return RedisAlertStore(self.redis, AlertKeys(partition, PARTITIONS, self.settings.redis_prefix))

    async def history(self, account, wanted):
        """The account's only alert as soon as it is as `wanted`."""
        alerts = []
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    alerts = [h for h in await self.store(account).alerts() if h.account_id == account]
                    if len(alerts) == 1 and wanted(alerts[0]):
                        return alerts[0]
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"not as wanted: {alerts}\n{self.log.read_text()[-5000:]}")

    def logged(self, event):
        lines = (json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in lines if line["event"] == event]

    async def until_logged(self, event, count=1):
        async with asyncio.timeout(PATIENCE_S):
            while len(self.logged(event)) < count:
                await asyncio.sleep(0.05)
        return self.logged(event)

    async def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                await asyncio.to_thread(process.wait, 10)
        await self.output.stop()
        await self.redis.aclose()


@pytest.fixture
async def world(fresh_backend, inbox, tmp_path):
    made = World(fresh_backend, inbox, tmp_path)
    await made.start_topics()
    yield made
    await made.close()


@pytest.fixture
def fresh(transition):
    """Transitions of this minute: `seconds` from now."""
    now_ms = SystemClock().now_ms()

    def make(to="red", *, seconds=0, account="Acme"):
        item = transition(to, ms=seconds, account=account)
        return item.model_copy(update={"time": from_ms(now_ms + seconds * 1000)})

    return make


def delivered(history):
    return history.deliveries and all(d.status is DeliveryStatus.DELIVERED for d in history.deliveries)


async def test_a_red_episode_is_told_once_from_end_to_end(world, inbox, fresh):
    """Duplicates, a dead letter in between, its end, and a stop in good order."""
    process = world.start()
    opening = fresh()
    await world.send(opening, opening)
    await world.send(fresh(account="Acme"), value=b"\xff not json")
    await world.send(opening, fresh("green", seconds=1), opening)
    first, second = await inbox.wait_for(2)
    history = await world.history("Acme", lambda h: len(h.deliveries) == 2 and delivered(h))
    assert (first[0], second[0]) == (f"{history.id}-firing", f"{history.id}-resolved")
    assert first[1]["type"] == "alert.firing"
    assert first[1]["data"]["title"].startswith("Acme entered red: 38, was 61 on ")
    assert (history.reason, history.resolve_reason) == (Reason.OPENED, Reason.RESOLVED)
    assert [d.attempts for d in history.deliveries] == [1, 1]
    await world.until_logged("alerter.dead_lettered")
    assert await dead_letter_reasons(world) == [DeadLetterReason.UNDECODABLE]

    ops = (await world.until_logged("alerter.ops_listening"))[0]["url"]
    async with aiohttp.ClientSession() as session:
        for probe in ("live", "ready", "startup"):
            assert (await session.get(f"{ops}/health/{probe}")).status == 200
        metrics = await (await session.get(f"{ops}/metrics")).text()
    assert 'kenko_alerter_deliveries_total{outcome="done",receiver="webhook"} 2.0' in metrics
    assert 'kenko_alerter_decisions_total{reason="duplicate"} 3.0' in metrics
    assert 'kenko_alerter_delivery_latency_seconds_count{receiver="webhook"} 2.0' in metrics
    assert "Acme" not in metrics

    assert await world.stop(process) == 0, world.log.read_text()[-5000:]
    assert "Acme" not in world.log.read_text()  # customers stay out of text
    await world.send(opening)
    world.start()
    await world.until_logged("alerter.decided", 6)
    assert len(inbox.messages) == 2


async def dead_letter_reasons(world):
    topic = world.settings.topic(Topic.DEAD_LETTERS)
    consumer = AIOKafkaConsumer(bootstrap_servers=world.settings.kafka_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
        found = []
        async with asyncio.timeout(PATIENCE_S):
            while not found:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += [DeadLetter.from_headers(list(record.headers)).reason for record in records]
        return found
    finally:
        await consumer.stop()


async def test_killed_before_the_receiver_answers_nothing_is_lost_and_the_id_stays(world, inbox, fresh):
    """kill -9 between the send and its record: the restarted one sends again, with the same id."""
    hang = asyncio.Event()

    async def never():
        await hang.wait()
        return 200

    inbox.answer = lambda _path, _message: never()
    process = world.start()
    await world.send(fresh())
    await inbox.wait_for(1)
    process.kill()
    await asyncio.to_thread(process.wait, 10)
    inbox.answer = lambda _path, _message: 200
    await world.send(fresh(account="Other"))
    world.start()
    messages = await inbox.wait_for(3)
    history = await world.history("Acme", delivered)
    assert history.deliveries[0].attempts == 2
    other = await world.history("Other", delivered)
    assert sorted(identity for identity, _ in messages) == sorted([f"{history.id}-firing"] * 2 + [f"{other.id}-firing"])
    assert len(inbox.messages) == 3


async def test_stopped_while_redis_is_away_it_has_acknowledged_nothing(world, inbox, fresh):
    """Its group's offset follows what is recorded: the next one reads the transition again, and tells it."""
    if world.backend.stack is None:
        pytest.skip("given servers are left alone")
    redis = world.backend.stack.redis
    process = world.start()
    await world.until_logged("alerter.partitions_assigned")
    await asyncio.to_thread(redis.stop)
    await world.send(fresh())
    await world.until_logged("alerter.waiting")
    assert await world.stop(process) == 0, world.log.read_text()[-5000:]

    await asyncio.to_thread(redis.start)
    world.start()
    ((identity, message),) = await inbox.wait_for(1)
    assert (message["type"], message["data"]["account_id"]) == ("alert.firing", "Acme")
    assert identity == f"{(await world.history('Acme', delivered)).id}-firing"


async def test_a_dead_receiver_delays_no_other(world, inbox, fresh):
    """The webhook answers 500 to everything; Slack hears of each account all the same."""
    inbox.answer = lambda path, _message: 500 if path == "/webhook" else 200
    world.start(KENKO_SLACK_WEBHOOK_URL=inbox.url("slack"))
    await world.send(*(fresh(account=f"a{number}") for number in range(3)))
    messages = await inbox.wait_for(3, "/slack")
    assert all(message["text"].startswith("a") for _, message in messages)
    for number in range(3):
        history = await world.history(
            f"a{number}",
            lambda h: {d.receiver: d.status for d in h.deliveries}.get("slack") == DeliveryStatus.DELIVERED,
        )
        assert {d.receiver: d.status for d in history.deliveries}["webhook"] is DeliveryStatus.PENDING


async def test_without_a_receiver_alerts_are_recorded_with_their_reason(world, inbox, fresh):
    world.start(KENKO_WEBHOOK_URL="", KENKO_WEBHOOK_SECRET="")
    await world.send(fresh())
    history = await world.history("Acme", lambda _h: True)
    assert (history.reason, history.deliveries, inbox.messages) == (Reason.NO_RECEIVER, (), [])
    assert world.logged("alerter.no_receiver")


def test_a_wrong_setting_is_named_and_ends_it_with_code_2():
    environ = {**os.environ, "KENKO_WEBHOOK_URL": "http://169.254.169.254/"}
    done = subprocess.run(
        [sys.executable, "-m", "services.alerter"], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "KENKO_WEBHOOK_URL is refused: address" in done.stderr
    assert "169.254" not in done.stderr
