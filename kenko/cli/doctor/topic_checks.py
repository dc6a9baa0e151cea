"""Are Kafka and its topics as Kenko needs them? Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from kenko.cli.doctor.facts import KafkaFacts, SetUp, TopicFacts, Unknown
from kenko.cli.doctor.finding import Finding, fail, ok, skipped, some, warn
from kenko.model import HealthModel
from schemas.topics import DAY_MS, TOPICS, Topic, TopicSpec

KAFKA_DEFAULTS: Final = {
    "cleanup.policy": "delete",
    "retention.ms": str(7 * DAY_MS),
    "message.timestamp.type": "CreateTime",
    "min.insync.replicas": "1",
}
"""Kafka's own, for a broker that tells only what was set."""
WITHOUT_END: Final = -1
"""As `retention.ms`."""


def kafka_answers(kafka: KafkaFacts | Unknown, set_up: SetUp) -> Finding:
    if isinstance(kafka, Unknown):
        return fail(
            f"Kafka does not answer at {set_up.kafka}: {kafka.error}",
            "Start the broker, or set KENKO_KAFKA_URL to where it is and see that this machine may reach it.",
        )
    where = f"{set_up.kafka}, cluster {kafka.cluster_id}"
    return ok(f"Kafka answers at {where}, {kafka.brokers} {'broker' if kafka.brokers == 1 else 'brokers'}.")


def topics_exist(kafka: KafkaFacts, set_up: SetUp) -> Finding:
    missing = [set_up.topic_prefix + topic.value for topic, found in kafka.topics.items() if found is None]
    if missing:
        return fail(
            f"{len(missing)} of {len(kafka.topics)} topics are missing: {some(missing, 7)}.",
            "kenko topics apply makes them. If they should be there, look at KENKO_TOPIC_PREFIX.",
        )
    return ok(f"All {len(kafka.topics)} topics are there.")


def partition_counts(kafka: KafkaFacts, set_up: SetUp) -> Finding:
    wrong = [
        f"{set_up.topic_prefix}{topic.value} has {found.partitions}"
        for topic, found in _there(kafka).items()
        if found.partitions != set_up.partitions
    ]
    if wrong:
        return fail(
            f"KENKO_PARTITIONS is {set_up.partitions}, but {some(wrong, 7)}.",
            "Set KENKO_PARTITIONS to the topics' number. Adding some to an existing topic moves accounts between them: to have"
            " more, lay the log out anew with kenko topics copy.",
        )
    return ok(f"Each has {set_up.partitions} partitions.")


def cleanup_policies(kafka: KafkaFacts, set_up: SetUp) -> Finding:
    def is_wrong(spec: TopicSpec, config: Mapping[str, str]) -> bool:
        return sorted(_setting(config, "cleanup.policy").split(",")) != sorted(spec.cleanup())

    def wanted(spec: TopicSpec) -> str:
        policies = spec.cleanup()  # kafka-configs.sh wants brackets round several
        return f"cleanup.policy={policies[0] if len(policies) == 1 else '[' + ','.join(policies) + ']'}"

    return _configs(
        kafka,
        set_up,
        is_wrong,
        wanted,
        fine="Each is cleaned up as it should be (deleted by age, or compacted).",
        why="Compaction would drop all but an account's newest event; age would drop the only copy of a score",
    )


def timestamp_types(kafka: KafkaFacts, set_up: SetUp) -> Finding:
    def is_wrong(spec: TopicSpec, config: Mapping[str, str]) -> bool:
        return spec.log_append_time and _setting(config, "message.timestamp.type") != "LogAppendTime"

    return _configs(
        kafka,
        set_up,
        is_wrong,
        lambda _spec: "message.timestamp.type=LogAppendTime",
        fine="Events bear the time at which the broker took them in.",
        why="A record bears its producer's clock, so one wrong clock decides what counts as in the future",
    )


def replication(kafka: KafkaFacts, set_up: SetUp) -> Finding:
    there = _there(kafka)
    fewest = min((found.replicas for found in there.values()), default=0)
    short = [set_up.topic_prefix + topic.value for topic, found in there.items() if found.in_sync < found.replicas]
    if short:
        return warn(
            f"Replicas are behind or away: {some(short)}.", "Look which broker is down or slow, and bring it back."
        )
    if fewest < set_up.replication:
        return warn(
            f"KENKO_KAFKA_REPLICATION is {set_up.replication}, but topics have as few as {fewest} replicas.",
            "Give them more with kafka-reassign-partitions.sh: the setting is looked at only when a topic is made.",
        )
    if fewest < 2:
        return warn(
            "Each record is kept once: with the broker's disk the log is lost.",
            "In production have three brokers, KENKO_KAFKA_REPLICATION=3 and min.insync.replicas=2. For a trial it is fine.",
        )
    return ok(f"Each record is kept at least {fewest} times.")


def in_sync(kafka: KafkaFacts, set_up: SetUp) -> Finding:
    there = {topic: found for topic, found in _there(kafka).items() if found.config is not None}
    least = {topic: int(_setting(found.config or {}, "min.insync.replicas")) for topic, found in there.items()}

    def named(is_wrong: Callable[[int, int], bool]) -> list[str]:
        return [set_up.topic_prefix + topic.value for topic, n in least.items() if is_wrong(n, there[topic].replicas)]

    if stuck := named(lambda n, replicas: n > replicas):
        return fail(
            f"min.insync.replicas is above the number of replicas: nothing can be written to {some(stuck)}.",
            _alter(stuck[0], "min.insync.replicas=1") + " Better have more replicas.",
        )
    if loose := named(lambda n, replicas: replicas > 1 and n < 2):
        return warn(
            f"min.insync.replicas is 1: an event is acknowledged when a single broker has it ({some(loose)}).",
            _alter(loose[0], "min.insync.replicas=2"),
        )
    if tight := named(lambda n, replicas: replicas > 1 and n == replicas):
        return warn(
            f"min.insync.replicas equals the number of replicas: one broker away stops writing to {some(tight)}.",
            _alter(tight[0], "min.insync.replicas=2"),
        )
    return ok("min.insync.replicas fits the number of replicas.")


def retention(kafka: KafkaFacts, set_up: SetUp, model: HealthModel) -> Finding:
    """The log has to hold what a rebuild of the state reads: the longest window with the baseline of its trend."""
    found = kafka.topics[Topic.USAGE_EVENTS]
    name = set_up.topic_prefix + Topic.USAGE_EVENTS.value
    if found is None:
        return skipped(f"there is no topic {name}")
    if found.config is None:
        return _untold([name])
    kept_ms = int(_setting(found.config, "retention.ms"))
    spans = {signal.name: model.span_ms(signal) or 0 for signal in model.signals}
    longest = max(spans, key=lambda signal: spans[signal], default=None)
    needed_ms = spans[longest] if longest is not None else 0
    if kept_ms == WITHOUT_END or kept_ms >= needed_ms:
        kept = "without end" if kept_ms == WITHOUT_END else f"for {_days(kept_ms)}"
        return ok(f"Events are kept {kept}; the model looks back {_days(needed_ms)}.")
    return fail(
        f"{name} keeps events for {_days(kept_ms)}, but the model looks back {_days(needed_ms)}"
        f" (signal {longest}): {_days(needed_ms - kept_ms)} are missing whenever the state is rebuilt.",
        _alter(name, f"retention.ms={needed_ms}") + " Or shorten the signal.",
    )


def _configs(
    kafka: KafkaFacts,
    set_up: SetUp,
    is_wrong: Callable[[TopicSpec, Mapping[str, str]], bool],
    wanted: Callable[[TopicSpec], str],
    *,
    fine: str,
    why: str,
) -> Finding:
    """One setting of every topic against the registry."""
    specs = {spec.name: spec for spec in TOPICS}
    untold, wrong = [], []
    for topic, found in _there(kafka).items():
        if found.config is None:
            untold.append(set_up.topic_prefix + topic.value)
        elif is_wrong(specs[topic], found.config):
            wrong.append(specs[topic])
    if wrong:
        names = [f"{set_up.topic_prefix}{spec.name.value} needs {wanted(spec)}" for spec in wrong]
        mends = [_alter(set_up.topic_prefix + spec.name.value, wanted(spec)) for spec in wrong]
        return fail(f"{some(names, 7)}. {why}.", " ".join(mends))
    return _untold(untold) if untold else ok(fine)


def _untold(names: list[str]) -> Finding:
    return warn(
        f"The broker does not tell the settings of {some(names)}.",
        "Allow DESCRIBE_CONFIGS on the topics to whoever runs this, or look with kafka-configs.sh --describe.",
    )


def _there(kafka: KafkaFacts) -> dict[Topic, TopicFacts]:
    return {topic: found for topic, found in kafka.topics.items() if found is not None}


def _setting(config: Mapping[str, str], name: str) -> str:
    return config.get(name, KAFKA_DEFAULTS[name])


def _alter(topic: str, setting: str) -> str:
    return f"kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {setting}"


def _days(ms: int) -> str:
    """As few digits as say it: 90 days, 0.5 days, 1 day."""
    days = f"{ms / DAY_MS:.2f}".rstrip("0").rstrip(".")
    return f"{days} day" if days == "1" else f"{days} days"
