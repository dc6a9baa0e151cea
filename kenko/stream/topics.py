"""Make the topics of the registry, and tell logs apart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import InvalidReplicationFactorError, NoError, TopicAlreadyExistsError, for_code

from kenko.runtime.errors import ConfigurationError, PermanentError, TransientError
from kenko.runtime.logging import get_logger
from kenko.runtime.settings import kafka_servers
from kenko.stream.kafka_errors import KafkaRefusal, translated
from schemas.topics import TOPICS, Topic

KNOWN_EVERY_S: Final = 0.1
KNOWN_LIMIT_TRIES: Final = 100

_log = get_logger(__name__)


class Cluster(NamedTuple):
    """What `ensure_topics` found."""

    id: str
    """The broker's own name of its cluster: another log has another one."""
    partitions: Mapping[Topic, int]


async def ensure_topics(
    kafka_url: str, *, partitions: int, replication: int = 1, prefix: str = "", client_id: str = "kenko"
) -> Cluster:
    """Create those topics of the registry that are missing. Safe to call by many processes at once.

    Raises:
        TransientError: no broker answers, or it is not ready yet.
        PermanentError: the broker refuses, for example for want of rights.
        ConfigurationError: a topic has another number of partitions: keys would move between them.
    """
    with translated():
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka_servers(kafka_url), client_id=client_id)
        try:
            await admin.start()
            # Create first, look after: asking the trial broker about a topic creates it, with its own settings.
            await _create_missing(admin, partitions=partitions, replication=replication, prefix=prefix)
            found = await _describe(admin, prefix)
            cluster_id = str((await admin.describe_cluster())["cluster_id"])
        finally:
            await admin.close()
    _check(found, partitions, prefix)
    return Cluster(id=cluster_id, partitions=found)


def log_id(cluster: Cluster, topic: str, partitions: int) -> str:
    """Identity of the log that offsets count in. Kept beside the fence; the fence of another log means nothing here."""
    return f"{log_name(cluster, topic)}/{partitions}"


def log_name(cluster: Cluster, topic: str) -> str:
    """What `log_id` is without the number of partitions: it stays the same where some are added to a topic."""
    return f"{cluster.id}/{topic}"


async def _describe(admin: Any, prefix: str) -> dict[Topic, int]:
    """Partitions by topic. A broker answers a creation before all of them know of it; until then a topic has none."""
    names = [prefix + spec.name.value for spec in TOPICS]
    for _ in range(KNOWN_LIMIT_TRIES):
        described = await admin.describe_topics(names)
        found = {Topic(topic["topic"].removeprefix(prefix)): len(topic["partitions"]) for topic in described}
        if all(found.values()):
            return found
        await asyncio.sleep(KNOWN_EVERY_S)
    raise TransientError(f"Kafka does not know its new topics after {KNOWN_LIMIT_TRIES * KNOWN_EVERY_S:.0f} s")


async def _create_missing(admin: Any, *, partitions: int, replication: int, prefix: str) -> None:
    wanted = [
        NewTopic(prefix + spec.name.value, partitions, replication, topic_configs=spec.config()) for spec in TOPICS
    ]
    answer = await admin.create_topics(wanted)
    for name, code, *message in answer.topic_errors:
        kind = for_code(code)
        if kind is NoError:
            _log.info("stream.topic_created", topic=name, partitions=partitions, replication=replication)
        elif kind is not TopicAlreadyExistsError:
            text = f"Kafka does not create topic {name}: {kind.__name__}: {message[0] if message else ''}"
            # Brokers that were just started count as fenced until the controller has heard of them.
            if getattr(kind, "retriable", False) or (kind is InvalidReplicationFactorError and "fenced" in text):
                raise TransientError(text)
            raise PermanentError(text, reason=KafkaRefusal.TOPIC)


def _check(found: Mapping[Topic, int], partitions: int, prefix: str) -> None:
    wrong = [f"  {prefix}{topic.value} has {count}" for topic, count in found.items() if count != partitions]
    if wrong:
        raise ConfigurationError(
            f"KENKO_PARTITIONS={partitions}, but these topics have another number of partitions:\n"
            + "\n".join(wrong)
            + "\nSet KENKO_PARTITIONS to that number if it was always theirs. "
            + lay_out_anew(max(partitions, *found.values()))
        )


def more_than_set(topic: str, partitions: int, partition: int) -> str:
    """What to tell when `partition` is given to a process that was started for `partitions` of them."""
    return f"{topic} has more than KENKO_PARTITIONS={partitions} partitions. " + lay_out_anew(partition + 1)


def lay_out_anew(partitions: int) -> str:
    """What to tell whoever has, or wants, other partitions than there were."""
    return (
        "If some were added, or are to be, accounts move between partitions, and the log has to be laid out anew:\n"
        f"  kenko topics copy --to-prefix v2. --partitions {partitions}\n"
        "The steps around it: docs/operations.md, More partitions."
    )
