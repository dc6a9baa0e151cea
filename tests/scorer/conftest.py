"""Real scorer processes on a real broker and Redis, and the fold their result must equal."""

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from kenko.dialects.cloudevents import decode_record, encode_event, encode_tick
from kenko.dialects.record import InvalidRecord
from kenko.engine.partition import PartitionFold
from kenko.engine.scorer import Scorer
from kenko.model import load_model
from kenko.runtime.settings import Settings, read_settings
from kenko.store.client import connect
from kenko.store.keys import PartitionKeys
from kenko.store.redis_partition import RedisPartitionStore
from kenko.stream.producer import KafkaOutput, OutRecord
from kenko.stream.topics import ensure_topics
from schemas.base import from_ms, to_ms
from schemas.source_state import SourceState
from schemas.tick import Tick
from schemas.topics import Topic
from schemas.transition import Transition
from schemas.usage_event import UsageEvent

PARTITIONS = 4
DAY = 86_400_000

MODEL = """
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: small, version: 1}
signals:
  uses_7d: {match: {event: "*"}, aggregate: count, window: 7d}
  people_7d: {match: {event: "*"}, aggregate: {unique: user_id}, window: 7d}
  last_seen: {match: {event: "*"}, aggregate: recency}
score:
  groups:
    use: {weight: 30, inputs: [{signal: uses_7d, curve: {points: [[0, 0], [40, 100]]}}]}
    people: {weight: 20, inputs: [{signal: people_7d, curve: {points: [[0, 0], [5, 100]]}}]}
    recency: {weight: 50, inputs: [{signal: last_seen, curve: {points: [[1, 100], [8, 0]]}}]}
  new_account_grace: 0s
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 0s}
"""


class ScorerProcess:
    """`python -m services.scorer`, its log, and its metrics."""

    def __init__(self, environ, log: Path):
        self.log = log
        self._file = log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.scorer"],
            env={**os.environ, **environ},
            stdout=self._file,
            stderr=subprocess.STDOUT,
        )

    def lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def url(self):
        return next((line["url"] for line in self.lines() if line["event"] == "scorer.ops_listening"), None)

    async def get(self, path):
        """-> (status, text), or None while it does not listen."""

        def fetch():
            try:
                with urllib.request.urlopen(self.url() + path, timeout=5) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()
            except OSError:
                return None

        return None if self.url() is None else await asyncio.to_thread(fetch)

    async def ready(self):
        await until(self._is_ready, what="ready", scorer=self)

    async def _is_ready(self):
        answer = await self.get("/health/ready")
        return answer is not None and answer[0] == 200

    async def stop(self):
        """SIGTERM -> exit code."""
        self.process.terminate()
        return await asyncio.to_thread(self.process.wait, 40)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._file.close()


async def until(reached, *, what, scorer=None, limit_s=60):
    """Wait until `reached()` is true."""
    deadline = time.monotonic() + limit_s
    while not await reached():
        if scorer is not None and scorer.process.poll() is not None:
            pytest.fail(f"the scorer ended while waiting for {what}:\n{scorer.log.read_text()[-3000:]}")
        if time.monotonic() > deadline:
            tail = scorer.log.read_text()[-3000:] if scorer else ""
            pytest.fail(f"not {what} within {limit_s} s\n{tail}")
        await asyncio.sleep(0.1)


@dataclass
class World:
    """A broker and a Redis of one's own, events to send, processes to start."""

    backend: object
    directory: Path
    settings: Settings
    output: KafkaOutput
    redis: object
    scorers: list = field(default_factory=list)
    sent: int = 0

    def scorer(self, **environ):
        environ = {
            **self.backend.environ(),
            "KENKO_PARTITIONS": str(PARTITIONS),
            "KENKO_MODEL": str(self.directory / "model.yaml"),
            "KENKO_OPS_PORT": "0",
            "KENKO_LOG_FORMAT": "json",
            "KENKO_TICK_INTERVAL_MS": "100",
            **environ,
        }
        process = ScorerProcess(environ, self.directory / f"scorer-{len(self.scorers)}.log")
        self.scorers.append(process)
        return process

    async def send(self, events, *, accounts=60):
        """`events` usage events over `accounts` accounts, some of them long silent."""
        now_ms = time.time_ns() // 1_000_000
        records = []
        for number in range(self.sent, self.sent + events):
            account = number * 7919 % accounts
            silent_ms = account % 12 * DAY  # the higher, the longer silent
            event = UsageEvent(
                id=f"e{number}",
                account_id=f"account-{account}",
                user_id=f"user-{number % 5}",
                event="Report Exported",
                time=from_ms(now_ms - silent_ms - number * 331 % DAY),
            )
            record = encode_event(event)
            topic = self.settings.topic(Topic.USAGE_EVENTS)
            records.append(OutRecord(topic, record.key, record.value, record.headers))
        self.sent += events
        await self.output.send(records)

    async def tick(self, *, count):
        """As a replay does: `count` ticks into every partition."""
        now_ms = time.time_ns() // 1_000_000
        topic = self.settings.topic(Topic.USAGE_EVENTS)
        ticks = [encode_tick(now_ms + n, source="kenko/replay", id=f"t{n}") for n in range(count)]
        await self.output.send(
            [OutRecord(topic, t.key, t.value, t.headers, partition=p) for t in ticks for p in range(PARTITIONS)]
        )

    def all_ticked(self, count):
        async def reached():
            fences = [await self.store(p).fence() for p in range(PARTITIONS)]
            return all(f is not None and f.counts.get("ticks", 0) >= count for f in fences)

        return reached

    def store(self, partition):
        model = self.model()
        keys = PartitionKeys(
            model=f"{model.name}-{model.state_hash[:8]}",
            partition=partition,
            partitions=PARTITIONS,
            prefix=self.settings.redis_prefix,
        )
        return RedisPartitionStore(self.redis, keys)

    def model(self):
        return load_model(MODEL, name="model.yaml")

    async def applied(self):
        """Events that the fences say were applied."""
        fences = [await self.store(p).fence() for p in range(PARTITIONS)]
        return sum(f.counts.get("applied", 0) for f in fences if f)

    until = staticmethod(until)

    async def until_applied(self, events, scorer):
        async def reached():
            return await self.applied() >= events

        await until(reached, what=f"{events} events applied", scorer=scorer)

    async def records(self, topic):
        """Everything in a topic, by partition."""
        name = self.settings.topic(topic)
        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka_servers, enable_auto_commit=False)
        await consumer.start()
        try:
            partitions = [TopicPartition(name, p) for p in range(PARTITIONS)]
            consumer.assign(partitions)
            for partition in partitions:
                consumer.seek(partition, 0)
            found = {p: [] for p in range(PARTITIONS)}
            while fetched := await consumer.getmany(timeout_ms=1500):
                for partition, records in fetched.items():
                    found[partition.partition] += records
            return found
        finally:
            await consumer.stop()

    async def agrees(self):
        """Rows, counts and transitions are those of the plain fold over the log, up to the fences. Returns repeats."""
        log = await self.records(Topic.USAGE_EVENTS)
        sent = await self.records(Topic.TRANSITIONS)
        repeats = evaluated = 0
        for partition in range(PARTITIONS):
            fence = await self.store(partition).fence()
            reference, transitions = fold_offline(self.model(), partition, log[partition], fence.offset)
            changes = {change.account_id: change for change in reference.drain()}
            rows = await self.store(partition).rows(changes)
            assert {a: row and row.state for a, row in rows.items()} == {a: c.state for a, c in changes.items()}
            assert dict(fence.counts) == dict(reference.counts)
            assert dict(fence.silent) == reference.silent
            assert fence.now_ms == reference.now_ms
            made = [Transition.model_validate_json(r.value) for r in sent[partition] if r.key is not None]
            unique = {t.id: t for t in made}
            assert list(unique.values()) == transitions
            repeats += len(made) - len(unique)
            evaluated += len(transitions)
        assert evaluated > 0
        return repeats


def fold_offline(model, partition, records, end):
    """The reference: one fold over the log below `end`, nothing committed in between."""
    fold = PartitionFold(Scorer(model), partition=partition)
    transitions = []
    for record in records:
        if record.offset >= end:
            break
        try:
            content = decode_record(record.key, record.value, record.headers, record.timestamp)
        except InvalidRecord as refusal:
            fold.counts[f"dead_lettered.{refusal.reason}"] += 1
            continue
        if isinstance(content, Tick):
            if fold.tick(record.offset, to_ms(content.time), record.timestamp):
                transitions += fold.evaluate(fold.select_due([]), record.offset)
        elif isinstance(content, SourceState):
            fold.hear_of_source(content)
        else:
            fold.adopt(dict.fromkeys(fold.missing([content.account_id])))
            fold.apply(record.offset, content)
    return fold, transitions


@pytest.fixture
async def world(fresh_backend, tmp_path):
    (tmp_path / "model.yaml").write_text(MODEL)
    environ = fresh_backend.environ()
    given = {name.removeprefix("KENKO_").lower(): value for name, value in environ.items()}
    settings = read_settings(Settings, **given, partitions=PARTITIONS)
    await ensure_topics(settings.kafka_url, partitions=PARTITIONS, prefix=settings.topic_prefix)
    output = KafkaOutput(settings, client_id="test")
    redis = connect(settings.redis_url.get_secret_value())
    world = World(fresh_backend, tmp_path, settings, output, redis)
    yield world
    for scorer in world.scorers:
        scorer.kill()
    await output.stop()
    await redis.aclose()
