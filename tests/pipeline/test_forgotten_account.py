"""Canaries: after `kenko accounts forget` nothing of the account is found, and nothing brings it back."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from kenko.backtest.live import LiveState
from kenko.cli.local_stack import LocalStack, StackOptions
from kenko.cli.model_file import read_model
from kenko.cli.receiver import url_of
from kenko.dialects.cloudevents import encode_event, encode_override, encode_tick, encode_traits
from kenko.embedded.ports import free_port
from kenko.engine.partitioning import murmur2_partition
from kenko.runtime.clock import SystemClock
from kenko.store.alerts_keys import AlertKeys
from kenko.store.alerts_redis import RedisAlertStore
from kenko.store.client import connect
from kenko.stream.browser import TopicBrowser
from kenko.stream.dead_letter import dead_letter_record
from kenko.stream.memory_log import MemoryRecord
from kenko.stream.producer import KafkaOutput, OutRecord
from schemas.account_traits import AccountTraits
from schemas.base import from_ms
from schemas.dead_letter import DeadLetterReason
from schemas.override import Override
from schemas.topics import Topic
from schemas.usage_event import UsageEvent

pytestmark = pytest.mark.timeout(400)

ACCOUNT = "CANARY-account-健康"
OTHER = "bystander"
CANARIES = [ACCOUNT.encode(), b"CANARY-account", b"CANARY-user", b"CANARY-value", b"CANARY-trait"]
PARTITIONS = 2
HOUR = 3_600_000
DAY = 24 * HOUR
WITHIN_S = 60
MODEL = """
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: small, version: 1}
signals:
  uses_7d: {match: {event: "*"}, aggregate: count, window: 7d}
  people_7d: {match: {event: "*"}, aggregate: {unique: user_id}, window: 7d}
  newest: {match: {event: "*"}, aggregate: {unique: properties.what}, window: 7d}
score:
  groups:
    use: {weight: 50, inputs: [{signal: uses_7d, curve: {points: [[0, 0], [2, 100]]}}]}
    people: {weight: 50, inputs: [{signal: people_7d, curve: {points: [[0, 0], [1, 100]]}}]}
  new_account_grace: 1d
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 1h}
"""


def event(account, at_ms, number):
    return UsageEvent(
        id=f"{account}-{number}",
        source="api",
        account_id=account,
        user_id="CANARY-user" if account == ACCOUNT else "somebody",
        event="Report Exported",
        time=from_ms(at_ms),
        properties={"what": "CANARY-value" if account == ACCOUNT else "report"},
    )


def history(topic, start):
    """Both accounts fall silent and go red; each has a record that nobody can read."""
    records = []

    def put(record, partition=None):
        home = murmur2_partition(record.key, PARTITIONS) if partition is None else partition
        records.append(OutRecord(topic, record.key, record.value, tuple(record.headers), home))

    def tick(at_ms):
        for partition in range(PARTITIONS):
            put(encode_tick(at_ms, source="kenko/replay", id=f"{partition}-{at_ms}"), partition)

    for account in (ACCOUNT, OTHER):
        put(
            encode_traits(
                AccountTraits(id="t", account_id=account, time=from_ms(start), traits={"owner": f"{account}-trait"})
            )
        )
        records.append(
            OutRecord(topic, account.encode(), b'{"broken', (), murmur2_partition(account.encode(), PARTITIONS))
        )
    for day in range(12):
        if day < 3:
            for account in (ACCOUNT, OTHER):
                put(encode_event(event(account, start + day * DAY, day)))
        tick(start + day * DAY + HOUR)
    return records


def later(topic, start):
    """What comes of the account afterwards, and of the other one."""
    at = from_ms(start + 12 * DAY)
    told = Override(id="o", account_id=ACCOUNT, time=at, score=1, reason="CANARY-trait", author="CANARY-user")
    written = [encode_event(event(ACCOUNT, start + 12 * DAY, 12)), encode_override(told)]
    written.append(encode_event(event(OTHER, start + 12 * DAY, 12)))
    records = [
        OutRecord(topic, r.key, r.value, tuple(r.headers), murmur2_partition(r.key, PARTITIONS)) for r in written
    ]
    for partition in range(PARTITIONS):
        r = encode_tick(start + 12 * DAY + HOUR, source="kenko/replay", id=f"{partition}-last")
        records.append(OutRecord(topic, r.key, r.value, tuple(r.headers), partition))
    return records


class Set:
    """The running services, looked at from outside."""

    def __init__(self, stack, path):
        self.settings, self.model, self.path = stack.settings(), read_model(path), path

    @asynccontextmanager
    async def _live(self):
        async with LiveState(self.settings, self.model) as live:
            yield live

    async def send(self, records):
        output = KafkaOutput(self.settings, client_id="canary")
        try:
            await output.send(records)
        finally:
            await output.stop()

    async def ends(self):
        async with TopicBrowser(self.settings, self.settings.topic(Topic.USAGE_EVENTS)) as log:
            return {partition: bounds.end for partition, bounds in (await log.bounds()).items()}

    async def until_applied(self):
        """Until the scorer has passed the end of the log; what it counted."""
        ends = await self.ends()
        async with asyncio.timeout(WITHIN_S), self._live() as live:
            while True:
                fences = await live.fences()
                if all(f is not None and f.offset >= ends[p] for p, f in fences.items()):
                    return fences, ends
                await asyncio.sleep(0.05)

    async def until_alerts(self, accounts):
        async with asyncio.timeout(WITHIN_S), self._live() as live:
            while {alert.account_id for alert in await live.alerts()} != accounts:
                await asyncio.sleep(0.05)

    async def alerts(self):
        async with self._live() as live:
            return {alert.account_id for alert in await live.alerts()}

    async def until_redis_is_free(self):
        """Once the alerter has heard of the forget: before that it may be free because nothing has come yet."""
        client = connect(self.settings.redis_url.get_secret_value())
        home = murmur2_partition(ACCOUNT.encode(), PARTITIONS)
        alerts = RedisAlertStore(client, AlertKeys(home, PARTITIONS, self.settings.redis_prefix))
        try:
            async with asyncio.timeout(WITHIN_S):
                while not await alerts.is_forgotten(ACCOUNT) or await self.in_redis():
                    await asyncio.sleep(0.05)
        finally:
            await client.aclose()

    async def in_redis(self):
        """Keys of ours that hold a canary."""
        client = connect(self.settings.redis_url.get_secret_value())
        try:
            found = []
            async for key in client.scan_iter(match=f"{self.settings.redis_prefix}:*", count=1000):
                held = key + (await whole(client, key))
                found += [key for canary in CANARIES if canary in held]
            return found
        finally:
            await client.aclose()

    async def letters(self):
        async with TopicBrowser(self.settings, self.settings.topic(Topic.DEAD_LETTERS)) as log:
            return [record async for record in log.read(await log.bounds())]


async def whole(client, key):
    """All there is in a key, as it was written: DUMP compresses strings."""
    match await client.type(key):
        case b"string":
            parts = [await client.get(key) or b""]
        case b"hash":
            parts = [part for pair in (await client.hgetall(key)).items() for part in pair]
        case b"list":
            parts = await client.lrange(key, 0, -1)
        case b"set":
            parts = list(await client.smembers(key))
        case b"zset":
            parts = await client.zrange(key, 0, -1)
        case b"none":  # it went since the scan came by
            return b""
        case other:
            raise AssertionError(f"{key!r} is a {other!r}")
    return b"\0".join(parts) + (await client.dump(key) or b"")


def of_canary(records):
    return [
        r
        for r in records
        if any(c in repr((r.key, r.value, r.headers)).encode() or c in (r.value or b"") for c in CANARIES)
    ]


def kenko(args, stack, model):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("KENKO_")}
    settings = stack.settings()
    environ |= {
        "KENKO_KAFKA_URL": settings.kafka_url,
        "KENKO_REDIS_URL": settings.redis_url.get_secret_value(),
        "KENKO_PARTITIONS": str(settings.partitions),
        "KENKO_TOPIC_PREFIX": settings.topic_prefix,
        "KENKO_REDIS_PREFIX": settings.redis_prefix,
        "KENKO_KAFKA_IDEMPOTENCE": str(settings.kafka_idempotence).lower(),
        "KENKO_KAFKA_FETCH_WAIT_MS": "50",
        "KENKO_MODEL": str(model),
    }
    command = [sys.executable, "-m", "kenko.cli", *args]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=150, check=False)


def assert_conserved(fences, ends):
    for partition, fence in fences.items():
        counts = fence.counts
        dead = sum(count for name, count in counts.items() if name.startswith("dead_lettered."))
        names = ("applied", "duplicate", "too_late", "already", "forgotten", "ticks", "ticks_ignored")
        assert sum(counts.get(name, 0) for name in names) + dead == ends[partition] == fence.offset


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text(MODEL)
    return path


def start_stack(model, home, port):
    environ = {
        "KENKO_WEBHOOK_URL": url_of(port),  # nobody listens there: deliveries wait
        "KENKO_WEBHOOK_SECRET": "whsec_a2Vua28ta2Vua28ta2Vua28ta2Vua28tdGVzdA==",
        "KENKO_DANGEROUS_ALLOW_PRIVATE_RECEIVERS": "true",
        "KENKO_KAFKA_SESSION_TIMEOUT_S": "6",
    }
    options = StackOptions(model=model, time="log", environ=environ, home=home, services=("scorer", "alerter"))
    return LocalStack(options)


def test_after_a_forget_nothing_is_left_and_nothing_brings_it_back(fresh_backend, monkeypatch, tmp_path, model):
    for name, value in {**fresh_backend.environ(), "KENKO_PARTITIONS": str(PARTITIONS)}.items():
        monkeypatch.setenv(name, value)
    start = SystemClock().now_ms() - 20 * DAY
    start -= start % DAY
    port = free_port()

    with start_stack(model, tmp_path / "first", port) as stack:
        kenko_set = Set(stack, model)
        topic, letters_topic = (
            kenko_set.settings.topic(Topic.USAGE_EVENTS),
            kenko_set.settings.topic(Topic.DEAD_LETTERS),
        )
        asyncio.run(kenko_set.send(history(topic, start)))
        asyncio.run(kenko_set.until_applied())
        asyncio.run(kenko_set.until_alerts({ACCOUNT, OTHER}))
        saved = retried_letter(topic, letters_topic, start)
        asyncio.run(kenko_set.send([saved, *letters_of_ingest(letters_topic)]))
        assert asyncio.run(kenko_set.in_redis()), "the search finds what is there"
        assert len(of_canary(asyncio.run(kenko_set.letters()))) == 4

        done = kenko(["accounts", "forget", ACCOUNT, "--yes", "--author", "tester"], stack, model)

        asyncio.run(kenko_set.until_redis_is_free())
        asyncio.run(kenko_set.until_alerts({OTHER}))
        assert "state: removed its row, score and ids" in done.stdout, done.stderr
        assert "alerts: removed 1 alert" in done.stdout
        kept = [r for r in asyncio.run(kenko_set.letters()) if not of_canary([r])]
        assert {(r.key, r.value) for r in kept} == {(OTHER.encode(), b'{"broken'), (None, BYSTANDERS)}
        if fresh_backend.embedded:  # its broker cannot delete: that is said, and the rest is done
            assert done.returncode == 1
            assert "NOT removed" in done.stderr
            assert "DeleteRecords" in done.stderr
            assert len(kept) == 2, "and no letter was doubled for nothing"
        else:
            assert done.returncode == 0, done.stderr
            assert of_canary(asyncio.run(kenko_set.letters())) == []

        asyncio.run(kenko_set.send(later(topic, start)))
        fences, ends = asyncio.run(kenko_set.until_applied())
        assert asyncio.run(kenko_set.in_redis()) == []
        assert sum(fence.counts.get("forgotten", 0) for fence in fences.values()) == 2
        assert_conserved(fences, ends)

    monkeypatch.setenv("KENKO_REDIS_PREFIX", f"{stack.settings().redis_prefix}-again")
    with start_stack(model, tmp_path / "second", port) as stack:
        replayed = Set(stack, model)
        fences, ends = asyncio.run(replayed.until_applied())
        assert_conserved(fences, ends)
        # Silently: nobody is told again what was told before, and the alerter of the empty Redis hears nothing.
        assert asyncio.run(replayed.in_redis()) == []
        assert asyncio.run(replayed.alerts()) == set()

        before = sum(fence.counts.get("forgotten", 0) for fence in fences.values())
        asyncio.run(replayed.send([saved]))
        retried = kenko(["dlq", "retry", "--reason", DeadLetterReason.TOO_LARGE.value], stack, model)
        assert retried.returncode == 0, retried.stderr
        assert "1 record sent" in retried.stdout
        fences, ends = asyncio.run(replayed.until_applied())
        assert sum(fence.counts.get("forgotten", 0) for fence in fences.values()) == before + 1
        assert_conserved(fences, ends)
        assert asyncio.run(replayed.in_redis()) == []


BYSTANDERS = json.dumps({"account_id": "CANARY", "event": "x"}).encode()
"""An id that the account's begins with: it is another one."""


def retried_letter(topic, letters_topic, start):
    """A good event that an earlier version gave up."""
    record = encode_event(event(ACCOUNT, start + 5 * DAY, 5))
    home = murmur2_partition(record.key, PARTITIONS)
    stood = MemoryRecord(topic, home, 10**6, 0, record.key, record.value, record.headers)
    return dead_letter_record(
        stood, letters_topic, reason=DeadLetterReason.TOO_LARGE, message="too large", app="scorer", source_topic=topic
    )


def letters_of_ingest(letters_topic):
    """Items of requests, without a key: two of the account, one of another."""
    headers = (
        ("kenko.error.reason", b"invalid"),
        ("kenko.error.message", b"event: is missing"),
        ("kenko.error.app", b"ingest"),
    )
    nested = json.dumps({"context": {"groupId": ACCOUNT}, "type": "track"}).encode()
    values = (nested, b'{"account_id": ' + json.dumps(ACCOUNT).encode() + b", broken", BYSTANDERS)
    return [OutRecord(letters_topic, None, value, headers, 0) for value in values]
