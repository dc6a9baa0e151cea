"""Every check by its name, and the facts it judges. A check whose facts are unknown says why, and stops no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from kenko.cli.doctor import ingest_checks, keys, log_checks, model_checks, redis_checks, scorer_checks, topic_checks
from kenko.cli.doctor.facts import Facts, Unknown
from kenko.cli.doctor.finding import Finding, fail, skipped


class Check(NamedTuple):
    """`judge` is called with the fields of Facts that `of` names, in that order."""

    name: str
    judge: Callable[..., Finding]
    of: tuple[str, ...]
    judges_unknown: bool = False
    """It is the one that says what is wrong with facts that could not be gathered."""


CHECKS: Final = (
    Check("settings.keys", keys.ingest_keys, ("keys",)),
    Check("keys.file", keys.key_file, ("key_file",)),
    Check("keys.ingest", keys.may_send, ("key_file", "file_keys", "keys", "now_ms")),
    Check("keys.expiry", keys.expiring, ("key_file", "file_keys", "now_ms")),
    Check("model.loads", model_checks.loads, ("model_file", "model"), judges_unknown=True),
    Check("kafka.answers", topic_checks.kafka_answers, ("kafka", "set_up"), judges_unknown=True),
    Check("kafka.topics", topic_checks.topics_exist, ("kafka", "set_up")),
    Check("kafka.partitions", topic_checks.partition_counts, ("kafka", "set_up")),
    Check("kafka.cleanup", topic_checks.cleanup_policies, ("kafka", "set_up")),
    Check("kafka.timestamps", topic_checks.timestamp_types, ("kafka", "set_up")),
    Check("kafka.replication", topic_checks.replication, ("kafka", "set_up")),
    Check("kafka.min_in_sync", topic_checks.in_sync, ("kafka", "set_up")),
    Check("kafka.retention", topic_checks.retention, ("kafka", "set_up", "model")),
    Check("kafka.codecs", log_checks.codecs, ("codecs",)),
    Check("events.partitioner", log_checks.partitioner, ("log", "set_up")),
    Check("events.clocks", log_checks.clocks, ("log", "now_ms")),
    Check("events.dead_letters", log_checks.dead_letters, ("letters", "log")),
    Check("ingest.answers", ingest_checks.answers, ("ingest",), judges_unknown=True),
    Check("ingest.unattributed", ingest_checks.unattributed, ("ingest",)),
    Check("ingest.problems", ingest_checks.problems, ("ingest",)),
    Check("redis.answers", redis_checks.redis_answers, ("redis",), judges_unknown=True),
    Check("redis.version", redis_checks.version, ("redis",)),
    Check("redis.eviction", redis_checks.eviction, ("redis",)),
    Check("redis.persistence", redis_checks.persistence, ("redis",)),
    Check("redis.memory", redis_checks.memory, ("redis",)),
    Check("scorer.members", scorer_checks.members, ("group",)),
    Check("scorer.log", scorer_checks.identity, ("state", "kafka", "log", "set_up")),
    Check("scorer.lag", scorer_checks.lag, ("state", "log", "group")),
    Check("scorer.ticks", scorer_checks.ticks, ("state", "group", "set_up", "now_ms")),
    Check("scorer.state", scorer_checks.state_model, ("state",)),
    Check("scorer.live", scorer_checks.live_model, ("state",)),
    Check("scorer.scores", scorer_checks.score_model, ("published", "model")),
)


def examine(facts: Facts) -> dict[str, Finding]:
    """What every check says, by its name."""
    return {check.name: _run(check, facts) for check in CHECKS}


def _run(check: Check, facts: Facts) -> Finding:
    values = [getattr(facts, name) for name in check.of]
    unknown = [] if check.judges_unknown else [value for value in values if isinstance(value, Unknown)]
    if not unknown:
        return check.judge(*values)
    at_fault = next((value for value in unknown if not value.blocked), None)
    if at_fault is None:
        return skipped(unknown[0].because)
    return fail(
        f"Cannot be looked at: {at_fault.because}.",
        "Run kenko doctor again. If it stays so, see whether whoever runs it may read the topics, groups and keys of Kenko.",
    )
