"""`kenko doctor` against a real broker and a real Redis: one that is well, and ones that are not."""

import asyncio
import json
import os
import re
import socket
import urllib.request

import pytest
import redis
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from confluent_kafka import Producer
from typer.testing import CliRunner

from kenko.cli.app import app
from kenko.cli.doctor.ask_cluster import SCORER
from kenko.cli.doctor.checks import examine
from kenko.cli.doctor.finding import Status
from kenko.cli.doctor.gather import gather
from kenko.embedded.redis import redis_server
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings, kafka_servers
from kenko.store.keys import PartitionKeys
from schemas.topics import DAY_MS, Topic
from services.scorer.app import NAME

from .conftest import MODEL, PARTITIONS, until

KEY = "a-key-that-is-long-enough"


@pytest.fixture
def doctor(monkeypatch, tmp_path):
    """Runs it in an empty folder with these settings; brings its exit code and what it found by check."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("KENKO_")]:
        monkeypatch.delenv(name)

    def run(*args, **environ):
        given = {"KENKO_PARTITIONS": str(PARTITIONS), "KENKO_INGEST_KEYS": KEY, "KENKO_MODEL": str(MODEL), **environ}
        result = CliRunner().invoke(app, ["doctor", "--json", *args], env=given)
        assert result.exit_code in (0, 1), result.output
        answer = json.loads(result.stdout)
        found = {check["check"]: (check["status"], check["says"], check["mend"]) for check in answer["checks"]}
        assert answer["ok"] == (result.exit_code == 0) == ("fail" not in {status for status, *_ in found.values()})
        return result.exit_code, found

    return run


async def _make(kafka_url, *topics):
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_servers(kafka_url))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, number, 1, topic_configs=config) for name, number, config in topics])
    finally:
        await admin.close()


def _failed(found):
    return {name for name, (status, *_) in found.items() if status == "fail"}


def test_the_group_is_the_scorers():
    assert SCORER == NAME


def test_a_set_up_that_is_well_fails_in_nothing(up, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("KENKO_")]:
        monkeypatch.delenv(name)
    body = json.dumps([{"id": f"e{n}", "account_id": f"a{n}", "event": "Login"} for n in range(20)]).encode()
    headers = {"Authorization": f"Bearer {up['key']}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{up['ingest_url']}/v1/events", body, headers)) as answer:
        assert json.load(answer)["accepted"] == 20
    wanted = {"scorer.ticks", "scorer.state", "scorer.log", "scorer.members", "scorer.lag", "events.partitioner"} | {
        "ingest.answers"
    }

    def is_well():
        result = CliRunner().invoke(app, ["doctor", "--json"])
        assert result.exit_code == 0, result.output
        found = {check["check"]: check for check in json.loads(result.stdout)["checks"]}
        return all(found[name]["status"] == "ok" for name in wanted) and "newest" in found["scorer.scores"]["says"]

    until(is_well, "the scorer does not get there")
    said = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "200"})
    assert said.exit_code == 0
    assert "Each of the newest 20 records with a key stands on the partition of its key." in said.stdout
    assert re.search(r"32 checks: \d+ ok", said.stdout)


@pytest.fixture
def own_redis(tmp_path):
    """A Redis to spoil."""
    server = redis_server(tmp_path)
    server.start()
    yield f"redis://127.0.0.1:{server.port}/0"
    server.stop()


def _produce_by_crc32(kafka_url, topic):
    """librdkafka as it comes, `partitioner` not set."""
    producer = Producer({"bootstrap.servers": ",".join(kafka_servers(kafka_url))})
    headers = {"ce_specversion": "1.0", "ce_source": "crm", "ce_type": "Login", "ce_time": "2026-01-01T00:00:00Z"}
    for n in range(60):
        named = [(k, v.encode()) for k, v in {**headers, "ce_id": f"e{n}"}.items()]
        producer.produce(topic, b"{}", key=f"account-{n}".encode(), headers=named)
    assert producer.flush(30) == 0


def test_a_set_up_full_of_faults_names_each_with_its_mend(backend, own_redis, doctor, tmp_path):
    fresh = backend.fresh()
    prefix = fresh.settings["KENKO_TOPIC_PREFIX"]
    events, scores = prefix + Topic.USAGE_EVENTS, prefix + Topic.SCORES
    # One day only, and the producers' clocks; the scores on another number of partitions and not compacted.
    topics = [(events, PARTITIONS, {"retention.ms": str(DAY_MS), "message.timestamp.type": "CreateTime"})]
    topics += [(scores, 5, {"cleanup.policy": "delete"}), (prefix + Topic.DEAD_LETTERS, PARTITIONS, {})]
    asyncio.run(_make(fresh.kafka_url, *topics))
    _produce_by_crc32(fresh.kafka_url, events)
    with redis.Redis.from_url(own_redis) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("appendonly", "no")
    environ = {**fresh.environ(), "KENKO_REDIS_URL": own_redis}

    code, found = doctor(**environ, KENKO_INGEST_KEYS="")
    assert code == 1
    for check, says, mend in [
        ("settings.keys", "no API key", "token_urlsafe"),
        ("kafka.topics", "4 of 7 topics are missing", "kenko topics apply"),
        ("kafka.partitions", f"{scores} has 5", "Set KENKO_PARTITIONS"),
        ("kafka.cleanup", f"{scores} needs cleanup.policy=compact", f"--entity-name {scores}"),
        ("kafka.timestamps", f"{events} needs message.timestamp.type=LogAppendTime", f"--entity-name {events}"),
        ("kafka.retention", "keeps events for 1 day, but the model looks back 28 days", f"retention.ms={28 * DAY_MS}"),
        ("events.partitioner", "They stand where CRC32 puts them", "partitioner=murmur2_random"),
        ("redis.eviction", "Maxmemory-policy is allkeys-lru", "Set maxmemory-policy to noeviction"),
        ("redis.persistence", "append-only file is off", "Set appendonly to yes"),
    ]:
        assert found[check][0] == "fail", (check, found[check])
        assert says in found[check][1]
        assert mend in found[check][2]
    assert "Sources: crm." in found["events.partitioner"][1]
    assert found["scorer.members"][0] == "warn"
    assert found["scorer.lag"][1].startswith("60 records are not applied yet")

    broken = tmp_path / "broken.yaml"
    broken.write_text("apiVersion: kenko/v1\nkind: Health\n")
    _, found = doctor(**environ, KENKO_MODEL=str(broken))
    assert found["model.loads"][0] == "fail"
    assert "1:1: 'metadata' is missing" in found["model.loads"][1]
    assert "kenko model check" in found["model.loads"][2]
    assert found["kafka.retention"] == ("skipped", "Cannot be looked at: the health model does not load.", None)
    assert found["kafka.timestamps"][0] == "fail"


def test_another_model_and_another_log_than_those_of_the_state_are_named(backend, doctor):
    fresh = backend.fresh()
    prefix = fresh.settings["KENKO_REDIS_PREFIX"]
    assert CliRunner().invoke(app, ["topics", "apply"], env={**fresh.environ(), "KENKO_PARTITIONS": "3"}).exit_code == 0
    with redis.Redis.from_url(fresh.redis_url) as client:
        client.hset(f"{prefix}:other-00000000:{{p0of3-1}}:fence", "offset", 7)
        _, found = doctor(**fresh.environ())
        assert found["scorer.state"][0] == "fail"
        assert "but of other-00000000 with 3 partitions" in found["scorer.state"][1]
        name = re.search(r"no state of (\S+),", found["scorer.state"][1])[1]
        fence = PartitionKeys(name, 1, PARTITIONS, prefix).fence
        client.hset(fence, mapping={"offset": 7, "now": "", "counts": "{}", "log": "old/log/3", "heard": "{}"})
    _, found = doctor(**fresh.environ())
    assert found["scorer.state"][0] == "ok"
    assert found["scorer.log"][0] == "fail"
    assert "made from old/log/3" in found["scorer.log"][1]


def test_kafka_away_is_named_and_redis_is_looked_at_all_the_same(backend, doctor):
    code, found = doctor(**{**backend.fresh().environ(), "KENKO_KAFKA_URL": "kafka://127.0.0.1:1"})
    assert (code, _failed(found)) == (1, {"kafka.answers"})
    assert "Kafka does not answer at 127.0.0.1:1" in found["kafka.answers"][1]
    assert "KENKO_KAFKA_URL" in found["kafka.answers"][2]
    assert found["kafka.topics"] == ("skipped", "Cannot be looked at: Kafka does not answer.", None)
    assert found["redis.eviction"][0] == "ok"


def test_redis_away_is_named_and_kafka_is_looked_at_all_the_same(backend, doctor):
    fresh = backend.fresh()
    assert CliRunner().invoke(app, ["topics", "apply"], env={**fresh.environ(), "KENKO_PARTITIONS": "3"}).exit_code == 0
    code, found = doctor(**{**fresh.environ(), "KENKO_REDIS_URL": "redis://:secret-word@127.0.0.1:1/0"})
    assert (code, _failed(found)) == (1, {"redis.answers"})
    assert "KENKO_REDIS_URL" in found["redis.answers"][2]
    assert found["kafka.topics"][0] == "ok"
    assert "secret-word" not in str(found)


async def test_servers_that_take_a_connection_and_never_answer_are_given_up():
    # The kernel takes the connections of a socket that listens; nobody ever reads from them.
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    settings = Settings(kafka_url=f"kafka://127.0.0.1:{port}", redis_url=f"redis://127.0.0.1:{port}/0")
    with silent:
        facts = await gather(settings, None, model=None, environ={}, clock=SystemClock(), limit_s=0.5)
    found = {name: finding for name, finding in examine(facts).items() if finding.status is Status.FAIL}
    assert set(found) == {"settings.keys", "model.loads", "kafka.answers", "redis.answers"}
    assert "Kafka did not answer within 0.5 s" in found["kafka.answers"].says
    assert "Redis did not answer within 0.5 s" in found["redis.answers"].says


def test_nothing_is_made_by_looking(backend, doctor):
    fresh = backend.fresh()
    _, before = doctor(**fresh.environ())
    _, after = doctor(**fresh.environ())
    assert "7 of 7 topics are missing" in before["kafka.topics"][1]
    assert before["kafka.topics"] == after["kafka.topics"]


def test_a_wrong_setting_is_named(doctor, monkeypatch):
    monkeypatch.setenv("KENKO_PARTITIONS", "none")
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 2
    assert "KENKO_PARTITIONS" in result.output
