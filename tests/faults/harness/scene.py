"""A scene: a Redis, topics and a receiver of its own, services to start and hurt, and the check at the end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self
from uuid import uuid4

import pytest
from harness.load import MODEL, Load
from harness.process import Service
from harness.proxy import Proxy
from harness.receiver import SECRET, Receiver
from harness.reference import Reference, expected_messages
from harness.servers import Broker, start_redis
from harness.table import Row, Table

from kenko.embedded.ports import LOOPBACK
from kenko.embedded.process import ServerProcess
from kenko.model import load_model
from kenko.runtime.errors import TransientError
from kenko.runtime.settings import Settings, read_settings
from kenko.store.alerts_keys import AlertKeys
from kenko.store.alerts_redis import RedisAlertStore
from kenko.store.client import connect
from kenko.store.keys import PartitionKeys, model_part
from kenko.store.port import Fence
from kenko.store.redis_errors import translated
from kenko.store.redis_partition import RedisPartitionStore
from kenko.stream.browser import TopicBrowser
from kenko.stream.producer import KafkaOutput
from kenko.stream.topics import ensure_topics
from schemas.tick import TICK_TYPE
from schemas.topics import Topic
from schemas.transition import Transition

PARTITIONS = 4
LIMIT_S = 240.0
"""For whatever must come to pass; on a machine of its own it takes seconds."""
SESSION_S = 4
NOT_RECORDS = frozenset({"ticks", "ticks_ignored", "evaluated", "transitions", "scores", "ignored_values"})
"""Counts of a fence that are no outcome of a record other than a tick."""


class Scene:
    """Async context manager. `seed` decides what is sent; it is printed with every failure."""

    def __init__(self, broker: Broker, directory: Path, table: Table, *, seed: int) -> None:
        self.broker = broker
        self.directory = directory
        self.seed = seed
        self.table = table
        self.services: list[Service] = []
        self.receiver = Receiver()
        self.model_path = directory / "model.yaml"
        self.redis_server: ServerProcess
        self.proxy: Proxy
        self.settings: Settings
        self.load: Load
        self.models: list[tuple[str, dict[int, int]]] = [(MODEL, {})]
        """Models in the order in which they were in force, and by partition the offset from which each was."""
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.model_path.write_text(MODEL)
        self.redis_server = start_redis(self.directory)
        self._stack.callback(self.redis_server.stop)
        self.proxy = await self._stack.enter_async_context(Proxy(LOOPBACK, self.redis_server.port))
        await self._stack.enter_async_context(self.receiver)
        self._prefix = f"f{uuid4().hex[:10]}."
        given = {name.removeprefix("KENKO_").lower(): value for name, value in self.environ().items()}
        self.settings = read_settings(Settings, **given)
        self.redis = connect(f"redis://{LOOPBACK}:{self.redis_server.port}/0")
        self._stack.push_async_callback(self.redis.aclose)
        await ensure_topics(self.settings.kafka_url, partitions=PARTITIONS, prefix=self._prefix)
        self.output = KafkaOutput(self.settings, client_id="load")
        self._stack.push_async_callback(self.output.stop)
        self.load = Load(self.output, self.topic(Topic.USAGE_EVENTS), seed=self.seed)
        return self

    async def __aexit__(self, *_: object) -> None:
        for service in self.services:
            service.kill()
        await self._stack.aclose()

    def environ(self) -> dict[str, str]:
        return {
            "KENKO_KAFKA_SESSION_TIMEOUT_S": str(SESSION_S),
            **self.broker.settings,
            "KENKO_KAFKA_URL": self.broker.url,
            "KENKO_REDIS_URL": f"redis://{LOOPBACK}:{self.redis_server.port}/0",
            "KENKO_TOPIC_PREFIX": self._prefix,
            "KENKO_PARTITIONS": str(PARTITIONS),
        }

    def proxied(self) -> dict[str, str]:
        """Settings of a service that speaks to Redis through the proxy."""
        return {"KENKO_REDIS_URL": f"redis://{LOOPBACK}:{self.proxy.port}/0"}

    def topic(self, topic: Topic) -> str:
        return self.settings.topic(topic)

    def scorer(self, name: str = "scorer", **environ: str) -> Service:
        return self._start("scorer", name, KENKO_MODEL=str(self.model_path), KENKO_TICK_INTERVAL_MS="200", **environ)

    def alerter(self, **environ: str) -> Service:
        return self._start(
            "alerter",
            "alerter",
            KENKO_WEBHOOK_URL=self.receiver.url,
            KENKO_WEBHOOK_SECRET=SECRET,
            KENKO_DANGEROUS_ALLOW_PRIVATE_RECEIVERS="true",
            KENKO_ALERT_COOLDOWN_S="0",
            **environ,
        )

    def ingest(self, **environ: str) -> Service:
        return self._start("ingest", "ingest", KENKO_INGEST_PORT="0", **environ)

    def of(self, name: str) -> list[Service]:
        """Those of a kind that run."""
        return [service for service in self.services if service.name == name and service.running]

    async def until(self, reached: Callable[[], Awaitable[bool]], what: str, *, limit_s: float = LIMIT_S) -> float:
        """Wait until it is so; the seconds it took."""
        begun = time.monotonic()
        while not await reached():
            if time.monotonic() - begun > limit_s:
                logs = "\n".join(f"--- {s.log.name}: {s.code}\n{s.end_of_log()}" for s in self.services[-4:])
                pytest.fail(f"not {what} within {limit_s:.0f} s (seed {self.seed})\n{logs}")
            await asyncio.sleep(0.1)
        return time.monotonic() - begun

    async def all_ready(self) -> None:
        for service in [s for s in self.services if s.running]:
            await self.until(service.ready, f"{service.name} ready")

    def store(self, partition: int) -> RedisPartitionStore:
        model = load_model(self.model_path.read_text(), name="model.yaml")
        keys = PartitionKeys(
            model=model_part(model.name, model.state_hash),
            partition=partition,
            partitions=PARTITIONS,
            prefix=self.settings.redis_prefix,
        )
        return RedisPartitionStore(self.redis, keys)

    async def fences(self) -> dict[int, Fence]:
        """Those there are; none while Redis is away."""
        try:
            found = {p: await self.store(p).fence() for p in range(PARTITIONS)}
        except TransientError:
            return {}
        return {p: fence for p, fence in found.items() if fence is not None}

    async def counts(self) -> Counter[str]:
        return sum((Counter(dict(fence.counts)) for fence in (await self.fences()).values()), Counter())

    async def handled(self) -> int:
        """Records other than ticks of which a fence says what became."""
        return sum(number for name, number in (await self.counts()).items() if name not in NOT_RECORDS)

    async def change_model(self, text: str) -> None:
        """Stop all scorers in order; those that start from now on have another model of the same state."""
        for scorer in self.of("scorer"):
            await scorer.stop()
        self.model_path.write_text(text)
        self.models.append((text, {p: fence.offset for p, fence in (await self.fences()).items()}))

    async def until_handled(self, records: int) -> float:
        async def reached() -> bool:
            return await self.handled() >= records

        return await self.until(reached, f"{records} records handled")

    async def moves_on(self, records: int = 200) -> None:
        """Wait until so many more records are handled: what comes next hits a pipeline at work."""
        await self.until_handled(await self.handled() + records)

    async def behind(self) -> bool:
        """Whether accepted records lie above a fence now: a fault that hits now hits something uncommitted."""
        return await self.handled() < len(self.load.accepted)

    async def catches_up(self) -> float:
        """Seconds until all that is accepted by now is handled."""
        return await self.until_handled(len(self.load.accepted))

    async def read(self, topic: Topic) -> dict[int, list]:
        """Everything in a topic, by partition."""
        found: dict[int, list] = {p: [] for p in range(PARTITIONS)}
        async with TopicBrowser(self.settings, self.topic(topic)) as browser:
            async for record in browser.read(await browser.bounds()):
                found[record.partition].append(record)
        return found

    def alert_store(self, partition: int) -> RedisAlertStore:
        return RedisAlertStore(self.redis, AlertKeys(partition, PARTITIONS, self.settings.redis_prefix))

    async def outbox(self) -> int:
        return sum([sum((await self.alert_store(p).outbox()).values()) for p in range(PARTITIONS)])

    async def flush_redis(self) -> None:
        with translated():
            await self.redis.flushall()

    async def finish(
        self,
        fault: str,
        *,
        injected: int,
        hit: int,
        recovery_s: float | None,
        may_double: int = 0,
        may_lack: frozenset[str] = frozenset(),
        note: str = "",
    ) -> Row:
        """Stop the load, let everything come to rest, compare with the reference, and add the row.

        `may_double`: messages that a crash between the receiver's 2xx and the record may have sent twice.
        `may_lack`: messages that a receiver refused for good.
        """
        await self.load.stop()
        await self.rests()
        for scorer in self.of("scorer"):
            code = await scorer.stop()
            assert code == 0, f"code {code}: {scorer.end_of_log()}"
        log, made = await self.read(Topic.USAGE_EVENTS), await self.read(Topic.TRANSITIONS)
        differences, expected, repeated = await self._compare(log, made)
        doubled, missing = 0, 0
        if self.of("alerter"):
            await self._told(set(expected) - may_lack)
            for alerter in self.of("alerter"):
                assert await alerter.stop() == 0, alerter.end_of_log()
            answered = self.receiver.answered()
            missing = len(set(expected) - may_lack - set(answered))
            doubled = sum(number - 1 for number in answered.values())
            differences += [f"not to be told: {i}" for i in set(answered) - set(expected)]
            differences += [f"told before its beginning: {i}" for i in self.receiver.overtaken()]
        ids = {dict(r.headers or ()).get("ce_id", b"").decode() for records in log.values() for r in records}
        counts = await self.counts()
        row = Row(
            fault=fault,
            injected=injected,
            hit=int(hit),
            accepted=len(self.load.accepted),
            applied=counts["applied"],
            duplicates=counts["duplicate"],
            lost=len(set(self.load.accepted) - ids),
            differences=len(differences),
            repeated=repeated,
            alerts=len(expected),
            missing=missing,
            doubled=doubled,
            recovery_s=recovery_s,
            note=note,
        )
        self.table.add(row)
        text = f"seed {self.seed}: {row}\n" + "\n".join(differences[:20])
        assert hit > 0, f"it hit nothing: {text}"
        assert (row.lost, row.differences, row.missing) == (0, 0, 0), text
        assert doubled <= may_double, text
        assert len(expected) > 0, f"nobody fell into red: {text}"
        return row

    async def rests(self) -> None:
        """All that is accepted is behind the fences, and a tick after it; every service has come up."""
        await self.all_ready()
        log = await self.read(Topic.USAGE_EVENTS)
        ends = {p: max((r.offset for r in records if not _is_tick(r)), default=-1) + 1 for p, records in log.items()}

        async def reached() -> bool:
            fences = await self.fences()
            return all(end == 0 or (p in fences and fences[p].offset > end) for p, end in ends.items())

        await self.until(reached, f"fences beyond {ends}")

    async def _told(self, expected: set[str]) -> None:
        async def reached() -> bool:
            return expected <= set(self.receiver.answered()) and await self.outbox() == 0

        await self.until(reached, f"{len(expected)} messages told")

    async def _compare(self, log: dict[int, list], made: dict[int, list]) -> tuple[list[str], list[str], int]:
        """What differs from the reference, the ids of the messages expected, and how many transitions were repeated."""
        models = [(load_model(text, name="model.yaml"), starts) for text, starts in self.models]
        differences: list[str] = []
        expected: list[str] = []
        repeated = 0
        for partition, fence in (await self.fences()).items():
            reference = Reference(models[0][0], partition)
            for model, starts in models[1:]:
                reference.take(log[partition], starts.get(partition, 0))
                reference.switch(model)
            reference.take(log[partition], fence.offset)
            stored = await self.store(partition).rows(reference.rows)
            differences += [
                f"partition {partition}, row of {account}"
                for account, row in reference.rows.items()
                if stored[account] is None or stored[account].state != row.state
            ]
            if dict(fence.counts) != dict(+reference.counts):
                differences.append(f"partition {partition}, counts {dict(fence.counts)} not {dict(reference.counts)}")
            left = [r.offset for r in log[partition] if r.offset >= fence.offset and not _is_tick(r)]
            differences += [f"partition {partition}, not applied: {offset}" for offset in left]
            sent = [Transition.model_validate_json(r.value) for r in made[partition] if r.key is not None]
            unique = {t.id: t for t in sent}
            repeated += len(sent) - len(unique)
            if list(unique.values()) != reference.transitions:
                differences.append(
                    f"partition {partition}, transitions: {len(unique)}, not {len(reference.transitions)}"
                )
            expected += expected_messages(reference.transitions)
        return differences, expected, repeated

    async def expected(self) -> list[str]:
        """Ids of the messages to be told for what is accepted; stops the load."""
        await self.load.stop()
        await self.rests()
        return (await self._compare(await self.read(Topic.USAGE_EVENTS), await self.read(Topic.TRANSITIONS)))[1]

    async def told(self) -> None:
        """Stop the load, and wait until everybody who fell into red or recovered is told."""
        await self._told(set(await self.expected()))

    def _start(self, name: str, log: str, **environ: str) -> Service:
        common = {"KENKO_OPS_PORT": "0", "KENKO_LOG_FORMAT": "json", "KENKO_ENV": "test"}
        service = Service(name, {**self.environ(), **common, **environ}, self.directory / f"{log}.log")
        self.services.append(service)
        return service


def _is_tick(record) -> bool:
    return dict(record.headers or ()).get("ce_type") == TICK_TYPE.encode()
