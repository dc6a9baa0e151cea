"""The topic registry: names, keys and retention, once."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.base import Contract

DAY_MS = 86_400_000
DEFAULT_PARTITIONS = 12
SEGMENT_BYTES = 128 * 1024 * 1024
"""Of a compacted topic: Kafka's own 1 GB takes as much memory and disk again while it is compacted."""


class Topic(StrEnum):
    """Every topic of Kenko. The name ends in the major version: a breaking change is a new topic."""

    USAGE_EVENTS = "kenko.usage-events.v1"
    TRANSITIONS = "kenko.transitions.v1"
    SCORES = "kenko.scores.v1"
    ACCOUNT_STATE = "kenko.account-state.v1"
    DELIVERIES = "kenko.deliveries.v1"
    COMMANDS = "kenko.commands.v1"
    DEAD_LETTERS = "kenko.dead-letters.v1"


class TopicSpec(Contract):
    """How a topic is made."""

    name: Topic
    key: str = Field(description="What its records are keyed by.")
    content: str
    compact: bool = False
    retention_ms: int | None = Field(description="Null: records stay, of a compacted topic the newest of each key.")
    log_append_time: bool = False
    least_kept_ms: int | None = Field(default=None, description="Compaction takes nothing that is younger.")
    compacted_within_ms: int | None = Field(
        default=None, description="Compaction takes what is superseded by then, and tombstones as long after that."
    )

    def cleanup(self) -> list[str]:
        """Kafka's policies."""
        return [*(["compact"] if self.compact else []), *(["delete"] if self.retention_ms is not None else [])]

    def config(self) -> dict[str, str]:
        """Kafka's own settings of the topic."""
        config = {"cleanup.policy": ",".join(self.cleanup())}
        if self.retention_ms is not None:
            config["retention.ms"] = str(self.retention_ms)
        if self.least_kept_ms is not None:
            config["min.compaction.lag.ms"] = str(self.least_kept_ms)
        if self.compacted_within_ms is not None:
            config["max.compaction.lag.ms"] = str(self.compacted_within_ms)
            config["delete.retention.ms"] = str(self.compacted_within_ms)
            config["segment.ms"] = str(self.compacted_within_ms // 2)  # the segment that is being written is left alone
            config["segment.bytes"] = str(SEGMENT_BYTES)
        if self.log_append_time:
            config["message.timestamp.type"] = "LogAppendTime"
        return config


TOPICS: tuple[TopicSpec, ...] = (
    TopicSpec(
        name=Topic.USAGE_EVENTS,
        key="account id (UTF-8)",
        content="usage events and the kenko.* records: ticks, traits, overrides, forget (CloudEvents)",
        retention_ms=90 * DAY_MS,
        log_append_time=True,
    ),
    TopicSpec(
        name=Topic.TRANSITIONS,
        key="account id",
        content="zone and rule transitions with receipts, and which account to forget: the alerter's input",
        retention_ms=30 * DAY_MS,
    ),
    TopicSpec(
        name=Topic.SCORES, key="account id", content="the latest score of each account", compact=True, retention_ms=None
    ),
    TopicSpec(
        name=Topic.ACCOUNT_STATE,
        key="state hash + account id",
        content="snapshots of account rows, and markers (binary: kenko/stream/state_records.py)",
        compact=True,
        # Every row is written again in each set: what is older is of models that run no more.
        retention_ms=30 * DAY_MS,
        # The newest whole set must be there until the next one is.
        least_kept_ms=DAY_MS,
        compacted_within_ms=2 * DAY_MS,
    ),
    TopicSpec(
        name=Topic.DELIVERIES,
        key="account id",
        content="what the alerter sent, to whom, with what outcome",
        retention_ms=90 * DAY_MS,
    ),
    TopicSpec(name=Topic.COMMANDS, key="account id", content="what people tell the alerter", retention_ms=30 * DAY_MS),
    TopicSpec(
        name=Topic.DEAD_LETTERS,
        key="original key",
        content="raw records that will never be applied, with kenko.error.* headers",
        retention_ms=30 * DAY_MS,
    ),
)
