"""What is said of Kafka and its topics."""

import pytest

from kenko.cli.doctor.checks import examine
from kenko.cli.doctor.facts import Unknown
from kenko.cli.doctor.finding import Status
from schemas.topics import DAY_MS, Topic

EVENTS, SCORES = Topic.USAGE_EVENTS, Topic.SCORES


def changed(well, topic, **fields):
    """The same with one topic otherwise; `config` is merged."""
    found = well.kafka.topics[topic]
    if "config" in fields and fields["config"] is not None:
        fields["config"] = {**found.config, **fields["config"]}
    return well._replace(kafka=well.kafka._replace(topics={**well.kafka.topics, topic: found._replace(**fields)}))


@pytest.mark.parametrize(
    ("topic", "fields", "check", "status", "says", "mend"),
    [
        # of another number of partitions
        (EVENTS, {"partitions": 6}, "kafka.partitions", "fail", "usage-events.v1 has 6", "Set KENKO_PARTITIONS"),
        # compacted, so that an account keeps its newest event only; and the other way round
        (
            EVENTS,
            {"config": {"cleanup.policy": "compact"}},
            "kafka.cleanup",
            "fail",
            "usage-events.v1 needs cleanup.policy=delete",
            "--add-config cleanup.policy=delete",
        ),
        (
            SCORES,
            {"config": {"cleanup.policy": "delete"}},
            "kafka.cleanup",
            "fail",
            "scores.v1 needs cleanup.policy=compact",
            "--add-config cleanup.policy=compact",
        ),
        (
            EVENTS,
            {"config": {"message.timestamp.type": "CreateTime"}},
            "kafka.timestamps",
            "fail",
            "needs message.timestamp.type=LogAppendTime",
            "--entity-name kenko.usage-events.v1 --add-config message.timestamp.type=LogAppendTime",
        ),
        # other topics may bear the producer's time
        (
            Topic.TRANSITIONS,
            {"config": {"message.timestamp.type": "CreateTime"}},
            "kafka.timestamps",
            "ok",
            "took them in",
            None,
        ),
        # the broker keeps its settings to itself
        (EVENTS, {"config": None}, "kafka.cleanup", "warn", "does not tell the settings", "DESCRIBE_CONFIGS"),
        (EVENTS, {"config": None}, "kafka.retention", "warn", "does not tell the settings", "DESCRIBE_CONFIGS"),
        (EVENTS, {"in_sync": 2}, "kafka.replication", "warn", "Replicas are behind", "which broker is down"),
        (EVENTS, {"replicas": 2, "in_sync": 2}, "kafka.replication", "warn", "as few as 2", "kafka-reassign"),
        (
            EVENTS,
            {"config": {"min.insync.replicas": "4"}},
            "kafka.min_in_sync",
            "fail",
            "nothing can be written",
            "min.insync.replicas=1",
        ),
        (
            EVENTS,
            {"config": {"min.insync.replicas": "1"}},
            "kafka.min_in_sync",
            "warn",
            "when a single broker has it",
            "min.insync.replicas=2",
        ),
        (
            EVENTS,
            {"config": {"min.insync.replicas": "3"}},
            "kafka.min_in_sync",
            "warn",
            "one broker away stops writing",
            "min.insync.replicas=2",
        ),
        # the longest signal of the model looks back 28 days
        (
            EVENTS,
            {"config": {"retention.ms": str(7 * DAY_MS)}},
            "kafka.retention",
            "fail",
            "for 7 days, but the model looks back 28 days (signal tickets_28d): 21 days are missing",
            f"retention.ms={28 * DAY_MS}",
        ),
        (EVENTS, {"config": {"retention.ms": str(28 * DAY_MS)}}, "kafka.retention", "ok", "kept for 28 days", None),
        (EVENTS, {"config": {"retention.ms": "-1"}}, "kafka.retention", "ok", "without end", None),
    ],
)
def test_one_topic_that_is_otherwise(well, topic, fields, check, status, says, mend):
    found = examine(changed(well, topic, **fields))
    assert found[check].status == status
    assert says in found[check].says
    assert (found[check].mend is None) if mend is None else (mend in found[check].mend)
    worse = {name for name, finding in found.items() if finding.status is Status.FAIL}
    assert worse <= {check}


def test_what_the_broker_does_not_name_is_kafkas_default(well):
    bare = well.kafka.topics[EVENTS]._replace(config={})
    found = examine(well._replace(kafka=well.kafka._replace(topics={**well.kafka.topics, EVENTS: bare})))
    assert found["kafka.timestamps"].status is Status.FAIL
    assert "for 7 days" in found["kafka.retention"].says
    assert found["kafka.cleanup"].status is Status.OK


def test_a_missing_topic_is_named_with_the_command_that_makes_it(well):
    topics = {**well.kafka.topics, EVENTS: None}
    found = examine(well._replace(kafka=well.kafka._replace(topics=topics)))
    assert found["kafka.topics"].says == "1 of 7 topics are missing: kenko.usage-events.v1."
    assert "kenko topics apply" in found["kafka.topics"].mend
    assert found["kafka.retention"].status is Status.SKIPPED


def test_a_single_copy_is_told_of_and_is_no_failure(well):
    single = {topic: facts._replace(replicas=1, in_sync=1) for topic, facts in well.kafka.topics.items()}
    config = {topic: {**facts.config, "min.insync.replicas": "1"} for topic, facts in single.items()}
    topics = {topic: facts._replace(config=config[topic]) for topic, facts in single.items()}
    alone = well._replace(kafka=well.kafka._replace(topics=topics), set_up=well.set_up._replace(replication=1))
    found = examine(alone)
    assert found["kafka.replication"].status is Status.WARN
    assert "log is lost" in found["kafka.replication"].says
    assert found["kafka.min_in_sync"].status is Status.OK


def test_kafka_away_is_one_failure_and_the_rest_says_why_it_is_not_looked_at(well):
    away = Unknown("Kafka does not answer", error="connection refused")
    found = examine(well._replace(kafka=away, log=away, letters=away, group=away, published=away))
    assert [name for name, finding in found.items() if finding.status is Status.FAIL] == ["kafka.answers"]
    assert "b:9092: connection refused" in found["kafka.answers"].says
    assert "KENKO_KAFKA_URL" in found["kafka.answers"].mend
    assert found["events.partitioner"] == (
        Status.SKIPPED,
        "Cannot be looked at: Kafka does not answer.",
        None,
    )
    assert found["redis.eviction"].status is Status.OK
