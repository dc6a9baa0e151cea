"""Gather all facts. Each area is bounded in time, and what cannot be gathered is a fact as well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from kenko.cli.doctor.ask_cluster import ask_cluster, ask_group
from kenko.cli.doctor.ask_here import look_at_key_file, read_keys, read_model_file, try_codecs
from kenko.cli.doctor.ask_ingest import ask_ingest
from kenko.cli.doctor.ask_log import ask_events, ask_letters, ask_scores
from kenko.cli.doctor.ask_redis import ask_redis, ask_state
from kenko.cli.doctor.facts import (
    Facts,
    GroupFacts,
    KafkaFacts,
    LetterFacts,
    LogFacts,
    PublishedFacts,
    RedisFacts,
    SetUp,
    StateFacts,
    Unknown,
)
from kenko.cli.doctor.ingest_report import IngestPlace, IngestReport
from kenko.cli.local_info import LocalInfo
from kenko.model import HealthModel
from kenko.runtime.clock import Clock
from kenko.runtime.errors import ConfigurationError, PermanentError, TransientError
from kenko.runtime.settings import Settings
from kenko.store.client import connect
from schemas.topics import Topic

LIMIT_S: Final = 15.0
"""For each area: a server that is slower than this does not answer."""

_F = TypeVar("_F")


async def gather(
    settings: Settings,
    info: LocalInfo | None,
    *,
    model: Path | None,
    environ: Mapping[str, str],
    clock: Clock,
    ingest: IngestPlace | None = None,
    limit_s: float = LIMIT_S,
) -> Facts:
    """Ask this machine, Redis, Kafka, and `ingest` where one is named; each area but the first for at most `limit_s`."""
    file, loaded = read_model_file(model or settings.model_path or (info.model if info else None))
    # Redis before Kafka: a fence that is read before the log's end cannot seem to lie beyond it.
    redis, state = await _of_redis(settings, loaded, limit_s)
    of_kafka = await _of_kafka(settings, clock, limit_s)
    key_file, file_keys = look_at_key_file(settings.keys_file)
    return Facts(
        now_ms=clock.now_ms(),
        set_up=_set_up(settings),
        kafka=of_kafka.kafka,
        log=of_kafka.log,
        letters=of_kafka.letters,
        group=of_kafka.group,
        published=of_kafka.published,
        redis=redis,
        state=state,
        model_file=file,
        model=loaded,
        keys=read_keys(settings.env, environ, info.key if info else None, settings.keys_file),
        key_file=key_file,
        file_keys=file_keys,
        codecs=try_codecs(),
        ingest=await _of_ingest(ingest, limit_s),
    )


def _set_up(settings: Settings) -> SetUp:
    return SetUp(
        partitions=settings.partitions,
        replication=settings.kafka_replication,
        topic_prefix=settings.topic_prefix,
        time=settings.time,
        kafka=",".join(settings.kafka_servers),
    )


class _OfKafka(NamedTuple):
    """What Kafka tells."""

    kafka: KafkaFacts | Unknown
    log: LogFacts | Unknown
    letters: LetterFacts | Unknown
    group: GroupFacts | Unknown
    published: PublishedFacts | Unknown


async def _of_kafka(settings: Settings, clock: Clock, limit_s: float) -> _OfKafka:
    kafka = await _bounded(ask_cluster(settings), "Kafka", limit_s)
    if isinstance(kafka, Unknown):
        away = Unknown("Kafka does not answer", error=kafka.because)
        return _OfKafka(away, away, away, away, away)

    async def of(topic: Topic, ask: Callable[[], Awaitable[_F]]) -> _F | Unknown:
        if kafka.topics[topic] is None:
            return Unknown(f"there is no topic {settings.topic(topic)}")
        return await _bounded(ask(), "Kafka", limit_s)

    log, letters, group, published = await asyncio.gather(
        of(Topic.USAGE_EVENTS, lambda: ask_events(settings, clock.now_ms())),
        of(Topic.DEAD_LETTERS, lambda: ask_letters(settings, clock.now_ms())),
        _bounded(ask_group(settings), "Kafka", limit_s),
        of(Topic.SCORES, lambda: ask_scores(settings)),
    )
    return _OfKafka(kafka, log, letters, group, published)


async def _of_ingest(place: IngestPlace | None, limit_s: float) -> IngestReport | Unknown:
    if place is None:
        return Unknown("no ingest is named: give --url, and in KENKO_KEY a key that may read")
    report = await _bounded(ask_ingest(place), "Ingest", limit_s)
    if isinstance(report, Unknown):
        return Unknown("ingest does not answer", error=report.because)
    return report


async def _of_redis(
    settings: Settings, model: HealthModel | Unknown, limit_s: float
) -> tuple[RedisFacts | Unknown, StateFacts | Unknown]:
    client = connect(settings.redis_url.get_secret_value())
    try:
        redis = await _bounded(ask_redis(client), "Redis", limit_s)
        if isinstance(redis, Unknown):
            away = Unknown("Redis does not answer", error=redis.because)
            return away, away
        if isinstance(model, Unknown):
            return redis, model
        return redis, await _bounded(ask_state(client, settings, model), "Redis", limit_s)
    finally:
        await client.aclose()


async def _bounded(asking: Awaitable[_F], who: str, limit_s: float) -> _F | Unknown:
    try:
        async with asyncio.timeout(limit_s):
            return await asking
    except TimeoutError:
        return Unknown(f"{who} did not answer within {limit_s:g} s", blocked=False)
    except (TransientError, PermanentError, ConfigurationError) as error:
        return Unknown(str(error), blocked=False)
