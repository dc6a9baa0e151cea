"""The producers of examples/producers, run as their readers run them: each account on its partition, each event as it was."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from kenko.dialects.cloudevents import decode_record
from kenko.engine.partitioning import murmur2_partition
from kenko.runtime.settings import Settings, read_settings
from kenko.stream.topics import ensure_topics
from schemas.topics import Topic
from schemas.usage_event import UsageEvent

PRODUCERS = Path(__file__).parents[2] / "examples" / "producers"
PARTITIONS = 12  # no power of two: a hash that is not cut as Java cuts it lands elsewhere
NODE = (20, 19)


def needed(name):
    """Path of a tool that `make test-external` needs."""
    found = shutil.which(name)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{name} is not on the PATH")
    return found or pytest.skip(f"{name} is not on the PATH")


def run(command, **options):
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=280, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def python(name):
    return lambda _directory: [sys.executable, str(PRODUCERS / name)]


def node(directory):
    npm, program = needed("npm"), needed("node")
    version = re.findall(r"\d+", run([program, "--version"]))
    if tuple(map(int, version[:2])) < NODE:
        pytest.skip(f"node {'.'.join(version)} is older than the example's client takes")
    copied = shutil.copytree(PRODUCERS / "node", directory / "node", ignore=shutil.ignore_patterns("node_modules"))
    run([npm, "ci", "--omit=optional", "--ignore-scripts"], cwd=copied)
    return [program, str(copied / "send-events.js")]


def java(directory):
    jars, pom = directory / "jars", PRODUCERS / "java" / "pom.xml"
    maven, program = needed("mvn"), needed("java")
    needed("javac")
    run([maven, "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={jars}"])
    return [program, "-cp", f"{jars}/*", str(PRODUCERS / "java" / "SendEvents.java")]


def events():
    """As `POST /v1/events` takes them, with what is optional here and there, and characters beyond ASCII."""
    for number in range(600):
        body = {
            "id": f"evt-{number}",
            "account_id": f"健康-{number % 150}" if number % 3 else f"account-{number % 150}",
            "event": "Report Exported",
            "time": f"2026-11-20T{number % 24:02}:14:03.250Z",
        }
        if number % 2:
            body |= {"user_id": f"u-{number % 7}", "source": "reports-service"}
        if number % 5:
            body["properties"] = {"rows": number, "name": "Ж", "deep": {"list": [1, 2.5, None, True]}}
        yield body


async def read_all(settings, count):
    """`count` records of the usage-events topic."""
    topic, found = settings.topic(Topic.USAGE_EVENTS), []
    async with AIOKafkaConsumer(bootstrap_servers=settings.kafka_servers, enable_auto_commit=False) as consumer:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                found += records
    return found


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(python("with_aiokafka.py"), id="aiokafka"),
        pytest.param(python("with_confluent_kafka.py"), id="confluent-kafka"),
        pytest.param(node, id="node", marks=pytest.mark.external),
        pytest.param(java, id="java", marks=pytest.mark.external),
    ],
)
async def test_a_producer_of_the_examples_sends_what_the_scorer_reads_where_it_reads_it(command, backend, tmp_path):
    given = {name.removeprefix("KENKO_").lower(): value for name, value in backend.fresh().environ().items()}
    settings = read_settings(Settings, **given, partitions=PARTITIONS)
    await ensure_topics(settings.kafka_url, partitions=PARTITIONS, prefix=settings.topic_prefix)
    bodies = list(events())
    lines = "".join(json.dumps(body, ensure_ascii=False) + "\n" for body in bodies)

    servers, topic = ",".join(settings.kafka_servers), settings.topic(Topic.USAGE_EVENTS)
    said = run([*command(tmp_path), servers, topic], input=lines, encoding="utf-8")

    assert said == f"{len(bodies)} events sent\n"
    records = await read_all(settings, len(bodies))
    assert [r.offset for r in records if r.partition != murmur2_partition(r.key, PARTITIONS)] == []
    assert len({r.partition for r in records}) == PARTITIONS
    read = {event.id: event for event in (decode_record(r.key, r.value, r.headers, r.timestamp) for r in records)}
    assert len(read) == len(records) == len(bodies)
    for body in bodies:
        event = read[body["id"]]
        # Where no source is given, the example says its own name.
        assert event == UsageEvent.model_validate({"source": event.source, **body})
        assert event.source.startswith(("with-", "send-events-")) or "source" in body
