"""`kenko override` and `kenko traits`: what they refuse, and what they write onto the log."""

import asyncio
import os
import subprocess
import sys

import pytest
import typer
from aiokafka import AIOKafkaConsumer
from typer.testing import CliRunner

from kenko.cli.app import app
from kenko.cli.traits import read_trait
from kenko.dialects.cloudevents import decode_record
from kenko.engine.partitioning import murmur2_partition
from schemas.account_traits import AccountTraits
from schemas.base import from_ms
from schemas.override import Override

PARTITIONS = 3


@pytest.fixture
def kenko(monkeypatch, tmp_path):
    """Runs a command in an empty folder, with a broker named where none is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KENKO_KAFKA_URL", "kafka://127.0.0.1:1")
    monkeypatch.setenv("COLUMNS", "200")
    runner = CliRunner()
    return lambda *args: runner.invoke(app, [str(arg) for arg in args])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "Which score?"),
        (["--score", "101", "--reason", "x"], "--score"),
        (["--score", "35"], "Give --reason"),
        (["--score", "35", "--reason", " "], "Give --reason"),
        (["--score", "35", "--reason", "x" * 501], "reason"),
        (["--score", "35", "--reason", "a\0b"], "value.reason"),
        (["--score", "35", "--reason", "x", "--until", "2020-01-01"], "it would end before it begins"),
        (["--score", "35", "--reason", "x", "--until", "2026-02-30"], "calendar"),
        (["--score", "35", "--reason", "x", "--until", "soon"], "RFC 3339"),
        (["--score", "35", "--reason", "x", "--at", "2099-01-01T00:00:00Z"], "more than an hour ahead"),
        (["--score", "35", "--reason", "x", "--author", "y" * 201], "author"),
        (["--lift", "--score", "35"], "--lift goes without"),
    ],
)
def test_an_override_that_cannot_be_is_refused_with_what_to_change(kenko, args, says):
    result = kenko("override", "acme", *args)
    assert result.exit_code == 2
    assert says in result.output


@pytest.mark.parametrize("command", [["override", " acme", "--lift"], ["traits", "a\nb", "seats=40"]])
def test_an_account_id_that_cannot_be_is_refused(kenko, command):
    result = kenko(*command)
    assert result.exit_code == 2
    assert "account_id: must not" in result.output


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ([], "Missing argument"),
        (["seats"], "write NAME=VALUE"),
        (["=40"], "write NAME=VALUE"),
        (["seats="], "seats=null means"),
        (["seats=40", "seats=41"], "seats is given twice"),
        (["tags=[1]"], "no list"),
        (["renewal_date=2026-02-30"], "no day of the calendar"),
        (["seats=1e19"], "value.traits.seats"),
        (["name=" + "x" * 40_000], "value"),
    ],
)
def test_traits_that_cannot_be_are_refused_with_what_to_change(kenko, pairs, says):
    result = kenko("traits", "acme", *pairs)
    assert result.exit_code == 2
    assert says in result.output


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("seats=40", 40.0),
        ("mrr=4800.5", 4800.5),
        ("owner=null", None),
        ("trial=false", False),
        ("renewal_date=2026-06-30", "2026-06-30"),
        ("name=Acme Ltd = friends", "Acme Ltd = friends"),
        ('code="40"', "40"),  # JSON quotes keep it a text
        ("zip=0123", "0123"),  # no JSON number
        ("name=健康", "健康"),
    ],
)
def test_a_value_is_a_number_a_boolean_null_or_a_text(text, value):
    assert read_trait(text) == (text.partition("=")[0], value)
    assert type(read_trait(text)[1]) is type(value)


def test_a_name_that_prints_nothing_is_refused():
    with pytest.raises(typer.BadParameter, match="print"):
        read_trait("se\u202eats=40")


def test_without_a_broker_it_says_so_and_writes_nothing(kenko):
    result = kenko("override", "acme", "--lift")
    assert result.exit_code == 1
    assert "Kafka" in result.output
    assert "no override any more" not in result.output


async def _read(servers, topic):
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        records = []
        async with asyncio.timeout(60):
            while len(records) < 3:
                records += [r for part in (await consumer.getmany(timeout_ms=200)).values() for r in part]
        return records
    finally:
        await consumer.stop()


@pytest.mark.connected
def test_what_is_said_of_an_account_stands_on_its_partition_of_the_log(fresh_backend, tmp_path):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KENKO_")}
    environ = {**clean, **fresh_backend.environ(), "KENKO_PARTITIONS": str(PARTITIONS), "COLUMNS": "200"}

    def kenko(*args):
        command = [sys.executable, "-m", "kenko.cli", *args]
        return subprocess.run(
            command, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
        )

    said = kenko("traits", "acme", "seats=40", "renewal_date=2026-06-30", "owner=null").stdout
    assert said.startswith("acme: seats 40, renewal_date 2026-06-30, owner is no longer known\n")
    until, why = "2099-01-01", "Merger announced."
    said = kenko("override", "acme", "--score", "35", "--until", until, "--reason", why, "--author", "sato").stdout
    assert said.startswith("acme: score 35 until 2099-01-01 00:00 UTC, set by sato\n")
    said = kenko("override", "acme", "--lift", "--author", "ito").stdout
    assert said.startswith("acme: no override any more, lifted by ito\n")

    topic = environ.get("KENKO_TOPIC_PREFIX", "") + "kenko.usage-events.v1"
    assert (
        f"{topic}, partition {murmur2_partition(b'acme', PARTITIONS)}, offset 2; it counts from the next tick" in said
    )
    records = asyncio.run(_read(environ["KENKO_KAFKA_URL"].removeprefix("kafka://"), topic))
    assert {(r.key, r.partition) for r in records} == {(b"acme", murmur2_partition(b"acme", PARTITIONS))}
    traits, override, lifted = (decode_record(r.key, r.value, r.headers, r.timestamp) for r in records)
    assert isinstance(traits, AccountTraits)
    assert traits.traits == {"seats": 40.0, "renewal_date": "2026-06-30", "owner": None}
    assert isinstance(override, Override)
    assert (override.score, override.until, override.reason) == (35.0, from_ms(4_070_908_800_000), why)
    assert (lifted.score, lifted.until, lifted.author) == (None, None, "ito")
    assert len({r.id for r in (traits, override, lifted)}) == 3
