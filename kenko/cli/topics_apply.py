"""`kenko topics apply`: create the topics that are missing."""

from __future__ import annotations

import asyncio
import os

from kenko.cli.local_info import found_settings
from kenko.cli.say import count_of, foreseen, out
from kenko.runtime.settings import Settings
from kenko.stream.topics import ensure_topics


def topics_apply() -> None:
    """Create the topics of Kenko that are missing on KENKO_KAFKA_URL. Says so if one has another number of partitions."""
    with foreseen():
        settings, _ = found_settings(Settings, os.environ)
        cluster = asyncio.run(
            ensure_topics(
                settings.kafka_url,
                partitions=settings.partitions,
                replication=settings.kafka_replication,
                prefix=settings.topic_prefix,
            )
        )
    for topic, partitions in cluster.partitions.items():
        out.print(f"{settings.topic(topic)}: {count_of(partitions, 'partition')}", markup=False)
