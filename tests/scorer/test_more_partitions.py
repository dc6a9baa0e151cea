"""A topic that got more partitions: refused with the command that lays it out anew, and after it every score is right."""

from __future__ import annotations

import asyncio
import re
import time

import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from kenko.cli.app import app
from kenko.dialects.cloudevents import encode_event, encode_tick
from kenko.engine.partition import PartitionFold
from kenko.engine.partitioning import murmur2_partition
from kenko.engine.scorer import Scorer
from kenko.runtime.errors import ConfigurationError
from kenko.runtime.settings import Settings, read_settings
from kenko.store.keys import PartitionKeys, model_part
from kenko.store.redis_partition import RedisPartitionStore
from kenko.stream.forwarding import copy_of
from kenko.stream.memory_log import MemoryRecord
from kenko.stream.producer import OutRecord
from kenko.stream.topics import ensure_topics, log_id
from schemas.base import from_ms
from schemas.topics import Topic
from schemas.usage_event import UsageEvent
from services.scorer.app import ScorerService
from services.scorer.settings import ScorerSettings

OLD, NEW = 4, 8
ACCOUNTS = [f"account-{number}" for number in range(30)]
HOUR = 3_600_000


@pytest.fixture
def grown(world):
    """Settings of topics that had four partitions, and have eight."""
    environ = {**world.backend.environ(), "KENKO_TOPIC_PREFIX": "old.", "KENKO_PARTITIONS": str(OLD)}
    given = {name.removeprefix("KENKO_").lower(): value for name, value in environ.items()}
    return environ, read_settings(Settings, **given)


async def fill(world, settings):
    """Half of the events lie where four partitions put them, half where eight do; some were misrouted, and copied."""
    topic = settings.topic(Topic.USAGE_EVENTS)
    cluster = await ensure_topics(settings.kafka_url, partitions=NEW, prefix=settings.topic_prefix)
    begun_ms = time.time_ns() // 1_000_000 - 24 * HOUR
    events = [
        UsageEvent(
            id=f"e{number}",
            account_id=ACCOUNTS[number * number % 31 % len(ACCOUNTS)],
            user_id=f"user-{number % 5}",
            event="Used",
            time=from_ms(begun_ms + number * HOUR // 30),
        )
        for number in range(600)
    ]
    records, copied = [], 0
    for number, event in enumerate(events):
        made = encode_event(event)
        partitions = OLD if number < 300 else NEW
        home = murmur2_partition(made.key, partitions)
        at_ms = begun_ms + number * HOUR // 30
        if number % 20 == 0 and number < 300:
            away = (home + 1) % OLD
            stray = MemoryRecord(topic, away, number, at_ms, made.key, made.value, made.headers)
            records.append(OutRecord(topic, made.key, made.value, made.headers, away, at_ms))
            records.append(copy_of(stray, topic, log_id(cluster, topic, OLD), to=home))
            copied += 1
        else:
            records.append(OutRecord(topic, made.key, made.value, made.headers, home, at_ms))
        if number % 30 == 0:
            tick = encode_tick(at_ms, source="kenko/scorer", id=f"t{number}")
            records += [OutRecord(topic, None, tick.value, tick.headers, p, at_ms) for p in range(partitions)]
    await world.output.send(records)
    return events, copied


async def test_the_command_that_the_refusal_names_lays_the_log_out_anew(world, grown, monkeypatch):
    environ, settings = grown
    events, copied = await fill(world, settings)

    with pytest.raises(ConfigurationError) as refused:
        await ensure_topics(settings.kafka_url, partitions=OLD, prefix=settings.topic_prefix)
    (command,) = re.findall(r"kenko (topics copy --to-prefix v2\. --partitions 8)", str(refused.value))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    result = await asyncio.to_thread(CliRunner().invoke, app, command.split())
    assert result.exit_code == 0, result.output
    assert f"{len(events):,} copied" in result.output
    assert f"{copied} copies of misrouted records left out" in result.output
    again = await asyncio.to_thread(CliRunner().invoke, app, command.split())
    assert again.exit_code == 2
    assert "is not empty" in again.output

    scorer = world.scorer(**{**environ, "KENKO_TOPIC_PREFIX": "v2.", "KENKO_PARTITIONS": str(NEW)})
    model = world.model()
    stores = [
        RedisPartitionStore(
            world.redis, PartitionKeys(model_part(model.name, model.state_hash), p, NEW, settings.redis_prefix)
        )
        for p in range(NEW)
    ]

    async def all_applied():
        counts = [fence.counts for store in stores if (fence := await store.fence()) is not None]
        assert all(c.get("forwarded", 0) == c.get("duplicate", 0) == 0 for c in counts)
        return sum(c.get("applied", 0) for c in counts) == len(events)

    await world.until(all_applied, what="all events applied", scorer=scorer)
    assert await scorer.stop() == 0

    now_ms = time.time_ns() // 1_000_000
    engine = Scorer(model)
    reference = PartitionFold(engine, partition=0)
    for offset, event in enumerate(events):
        reference.adopt(dict.fromkeys(reference.missing([event.account_id])))
        reference.apply(offset, event)
    wanted = {c.account_id: engine.health(engine.decode(c.account_id, c.state), now_ms) for c in reference.drain()}
    assert len({health.score for health in wanted.values()}) > 2
    for account, expected in wanted.items():
        store = stores[murmur2_partition(account.encode(), NEW)]
        row = (await store.rows([account]))[account]
        assert engine.health(engine.decode(account, row.state), now_ms).score == expected.score


async def test_a_running_scorer_that_is_given_one_it_does_not_count_on_ends_with_what_to_do(world):
    service = ScorerService(ScorerSettings(partitions=OLD), world.model(), registry=CollectorRegistry())

    assert service._runner(None, None, NEW - 1) is None

    assert isinstance(service._failure, ConfigurationError)
    assert "kenko topics copy --to-prefix v2. --partitions 8" in str(service._failure)
    assert service._failed.is_set()
    await service._close()
