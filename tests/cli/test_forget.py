"""`kenko accounts forget`: what it refuses, and what it says where nobody has forgotten anything yet."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner

from kenko.cli.accounts.stays import stays
from kenko.cli.app import app
from kenko.dialects.cloudevents import decode_record
from kenko.engine.partitioning import murmur2_partition
from kenko.runtime.settings import Settings, read_settings
from kenko.store.keys import PartitionKeys
from kenko.stream.browser import TopicBrowser
from kenko.stream.state_records import MAX_PARTS
from schemas.forget import Forget
from schemas.topics import Topic

MODEL = Path(__file__).parents[2] / "examples" / "saas" / "model.yaml"
NOON_2026_MS = 1_773_057_600_000


@pytest.fixture
def kenko(monkeypatch, tmp_path):
    """Runs a command in an empty folder, with servers named where none are, and nobody to ask."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KENKO_KAFKA_URL", "kafka://127.0.0.1:1")
    monkeypatch.setenv("KENKO_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("COLUMNS", "200")
    runner = CliRunner()
    return lambda *args: runner.invoke(app, ["accounts", "forget", *map(str, args)])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["acme"], "There is no way back: give --yes"),
        (["acme", "--yes"], "Which model?"),
        ([" acme", "--yes"], "account_id: must not begin or end with white space"),
        (["acme", "--yes", "--author", "y" * 201], "author"),
        (["acme", "--yes", "--timeout", "-1"], "--timeout"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_change(kenko, args, says):
    result = kenko(*args)
    assert result.exit_code == 2
    assert says in result.output


def test_without_redis_it_says_so_and_asks_for_nothing(kenko):
    result = kenko("acme", "--yes", "--model", MODEL)
    assert result.exit_code == 1
    assert "Redis" in result.output
    assert "asked for" not in result.output


@pytest.mark.timeout(120)
def test_where_no_service_runs_the_request_stands_in_the_log_and_it_says_what_is_left(
    kenko, fresh_backend, monkeypatch
):
    for name, value in {**fresh_backend.environ(), "KENKO_PARTITIONS": "2"}.items():
        monkeypatch.setenv(name, value)

    former = _former_keys(read_settings(Settings))

    result = kenko("acme", "--yes", "--author", "sato", "--model", MODEL, "--timeout", "0")

    assert result.exit_code == 1
    buried = asyncio.run(_written(read_settings(Settings), Topic.ACCOUNT_STATE))
    assert [(r.key, r.value) for r in buried] == [
        (f"{former.model}/row/{part}/acme".encode(), None) for part in range(MAX_PARTS)
    ]
    assert {r.partition for r in buried} == {former.partition}
    assert "not forgotten yet by the scorer and the alerter" in result.output
    assert "dead letters: removed 0" in result.output
    (record,) = asyncio.run(_written(read_settings(Settings)))
    asked = decode_record(record.key, record.value, record.headers, record.timestamp)
    assert isinstance(asked, Forget)
    assert (asked.account_id, asked.author) == ("acme", "sato")
    assert record.partition == murmur2_partition(b"acme", 2)


def _former_keys(settings):
    """A model that ran here once has a keyspace on the account's partition, and perhaps snapshots."""
    keys = PartitionKeys("old-0123abcd", murmur2_partition(b"acme", 2), 2, settings.redis_prefix)
    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as client:
        client.hset(keys.fence, "offset", 1)
    return keys


async def _written(settings, topic=Topic.USAGE_EVENTS):
    async with TopicBrowser(settings, settings.topic(topic)) as log:
        return [record async for record in log.read(await log.bounds())]


def test_each_topic_that_keeps_something_is_named_with_its_end():
    said = stays(NOON_2026_MS, "mine.")
    assert [line.partition(":")[0] for line in said] == [
        f"mine.{topic}" for topic in (Topic.USAGE_EVENTS, Topic.TRANSITIONS, Topic.DELIVERIES, Topic.COMMANDS)
    ]
    assert "until 2026-06-07 (90 days" in said[0]
    assert "until 2026-04-08 (30 days" in said[1]
