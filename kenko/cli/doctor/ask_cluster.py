"""Gather what Kafka's admin interface tells: cluster, topics, the scorer's group. Reads only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from kenko.cli.doctor.facts import GroupFacts, KafkaFacts, TopicFacts
from kenko.runtime.errors import TransientError
from kenko.runtime.settings import Settings
from kenko.stream.kafka_errors import translated
from schemas.topics import TOPICS, Topic

CLIENT_ID: Final = "kenko-doctor"
REQUEST_TIMEOUT_MS: Final = 5_000
SCORER: Final = "kenko-scorer"
"""The scorer's name in its group. Written down again, for to import it would bring Faust into every command."""


async def ask_cluster(settings: Settings) -> KafkaFacts:
    """The cluster and our topics.

    Raises:
        TransientError: no broker answers.
        PermanentError: it refuses.
    """
    async with _admin(settings) as admin:
        cluster = await admin.describe_cluster()
        # First which there are: describing one that is not there may create it, with a number of partitions of its own.
        known = set(await admin.list_topics())
        names = {spec.name: settings.topic(spec.name) for spec in TOPICS}
        there = [name for name in names.values() if name in known]
        described = (
            {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics(there)} if there else {}
        )
        configs = await _configs(admin, there)
    topics: dict[Topic, TopicFacts | None] = {
        topic: _topic(described[name], configs.get(name)) if name in described else None
        for topic, name in names.items()
    }
    return KafkaFacts(str(cluster["cluster_id"]), len(cluster["brokers"]), topics)


async def ask_group(settings: Settings) -> GroupFacts:
    """The scorer's consumer group; raises as `ask_cluster`."""
    name = settings.topic_prefix + SCORER
    topic = settings.topic(Topic.USAGE_EVENTS)
    wanted = [TopicPartition(topic, partition) for partition in range(settings.partitions)]
    async with _admin(settings) as admin:
        (answer,) = await admin.describe_consumer_groups([name])
        (group,) = answer.to_object()["groups"]
        if group["error_code"]:
            raise TransientError(f"Kafka does not tell of the group {name}: {for_code(group['error_code']).__name__}")
        offsets = await admin.list_consumer_group_offsets(name, partitions=wanted)
    committed = {tp.partition: place.offset for tp, place in offsets.items() if place.offset >= 0}
    return GroupFacts(name, len(group["members"]), committed)


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[Any]:
    with translated():
        admin = AIOKafkaAdminClient(
            bootstrap_servers=settings.kafka_servers, client_id=CLIENT_ID, request_timeout_ms=REQUEST_TIMEOUT_MS
        )
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()


async def _configs(admin: Any, names: list[str]) -> dict[str, Mapping[str, str]]:
    """Kafka's settings by topic; one that it does not tell (for want of rights) is not in it."""
    if not names:
        return {}
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        resource["resource_name"]: {
            entry["config_names"]: entry["config_value"]
            for entry in resource["config_entries"]
            if entry["config_value"] is not None
        }
        for answer in answers
        for resource in answer.to_object()["resources"]
        if resource["error_code"] == 0
    }


def _topic(partitions: list[dict[str, Any]], config: Mapping[str, str] | None) -> TopicFacts:
    return TopicFacts(
        partitions=len(partitions),
        replicas=min((len(p["replicas"]) for p in partitions), default=0),
        in_sync=min((len(p["isr"]) for p in partitions), default=0),
        config=config,
    )
