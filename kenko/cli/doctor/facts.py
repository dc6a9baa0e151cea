"""What the checks judge: facts, gathered by others. Nothing in here asks anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from kenko.cli.doctor.ingest_report import IngestReport
from kenko.model import HealthModel
from kenko.runtime.api_keys import ApiKey
from kenko.store.checks import Server
from kenko.store.port import Fence
from kenko.stream.browser import Bounds
from schemas.dead_letter import DeadLetterReason
from schemas.topics import Topic


class Unknown(NamedTuple):
    """Facts that could not be gathered."""

    because: str
    blocked: bool = True
    """Because of a fault that another check names; False: this is the fault."""
    error: str = ""
    """What went wrong, for the check that names it."""


class SetUp(NamedTuple):
    """What the settings say."""

    partitions: int
    replication: int
    topic_prefix: str
    time: str
    kafka: str
    """The bootstrap servers."""


class TopicFacts(NamedTuple):
    """One topic, as the broker describes it."""

    partitions: int
    replicas: int
    """Of the partition that has the fewest."""
    in_sync: int
    """Of the partition that has the fewest."""
    config: Mapping[str, str] | None
    """Kafka's own settings of the topic; None if the broker does not tell them."""


class KafkaFacts(NamedTuple):
    """The cluster and our topics on it."""

    cluster_id: str
    brokers: int
    topics: Mapping[Topic, TopicFacts | None]
    """None: it is not there."""


class SeenRecord(NamedTuple):
    """A record of the usage-events topic, as far as it matters here."""

    partition: int
    key: bytes | None
    timestamp_ms: int
    append_time: bool
    """The timestamp is the broker's, not the producer's."""
    source: str | None
    """Of a usage event; None for any other record."""
    tick_ms: int | None
    """The time that a tick carries."""


class LogFacts(NamedTuple):
    """The usage-events topic."""

    bounds: Mapping[int, Bounds]
    newest: Sequence[SeenRecord]
    """Some of the newest records of each partition."""
    last_day: int
    """Records of the last 24 hours, ticks too."""


class LetterFacts(NamedTuple):
    """The dead letters of the last 24 hours."""

    by_reason: Counter[DeadLetterReason | None]
    """None: a record that is no dead letter of ours."""
    without_account: int
    """Of these, those that name no account."""
    left_unread: int
    """There were too many to read them all."""
    by_source: Counter[tuple[str, str]]
    """By source and reason, of those that were read."""


class GroupFacts(NamedTuple):
    """The scorer's consumer group."""

    name: str
    members: int
    committed: Mapping[int, int]
    """Offset by partition; a partition that was never committed is not in it."""


class RedisFacts(NamedTuple):
    """Every primary."""

    servers: Sequence[Server]


class StateFacts(NamedTuple):
    """What the store keeps under this model."""

    name: str
    """The model in the keys: its name and state hash."""
    fences: Mapping[int, Fence | None]
    others: Sequence[str]
    """Where there is no fence at all: the models that do have one under this prefix, and for how many partitions."""
    live: Mapping[int, str] = MappingProxyType({})
    """By partition: the model that is live. Missing where no scorer has taken it yet."""


class ModelFile(NamedTuple):
    """The health model's file."""

    path: Path | None
    """None: no setting names one."""
    mistakes: Sequence[str]
    """Why there is no model."""


class PublishedFacts(NamedTuple):
    """The newest score on the scores topic."""

    model: str | None
    """None: nothing was published yet."""
    score_hash: str | None


class KeyFacts(NamedTuple):
    """The API keys that ingest would take, without the keys."""

    env: str
    lengths: Sequence[int]
    """Characters of each key of KENKO_INGEST_KEYS."""
    file: Path | None = None
    """What KENKO_KEYS_FILE names."""


class KeyFileFacts(NamedTuple):
    """The file of API keys, from outside."""

    path: Path
    mode: int | None
    """Who may read and write it, as chmod has it; None: it is not there, or in a folder that is closed to us."""
    mistake: str | None
    """Why nothing of it counts."""


class CodecFacts(NamedTuple):
    """What came of writing and reading a batch of records with each of Kafka's codecs, here."""

    failures: Mapping[str, str | None]
    """By codec what went wrong; None: nothing."""


class Facts(NamedTuple):
    """All there is to judge."""

    now_ms: int
    """This machine's clock, when the newest records had been read."""
    set_up: SetUp
    kafka: KafkaFacts | Unknown
    log: LogFacts | Unknown
    letters: LetterFacts | Unknown
    group: GroupFacts | Unknown
    published: PublishedFacts | Unknown
    redis: RedisFacts | Unknown
    state: StateFacts | Unknown
    model_file: ModelFile
    model: HealthModel | Unknown
    keys: KeyFacts
    key_file: KeyFileFacts | None
    """None: no setting names one."""
    file_keys: Sequence[ApiKey] | Unknown
    """The keys in it, dead ones too; none where there is no file."""
    codecs: CodecFacts
    ingest: IngestReport | Unknown
    """Without `error`: nobody was asked."""
