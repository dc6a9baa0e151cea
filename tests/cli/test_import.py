"""`kenko import`: history onto the log, marked as such, once, and further from where it was stopped."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aiokafka import AIOKafkaConsumer
from typer.testing import CliRunner

from kenko.cli.app import app
from kenko.cli.import_history import CHUNK
from kenko.cli.import_mark import ImportMark
from kenko.dialects.cloudevents import decode_record

PARTITIONS = 3
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def kenko(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KENKO_KAFKA_URL", "kafka://127.0.0.1:1")
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *args: CliRunner().invoke(app, ["import", *map(str, args)])


@pytest.fixture
def connected(kenko, fresh_backend, monkeypatch):
    for name, value in {**fresh_backend.environ(), "KENKO_PARTITIONS": str(PARTITIONS)}.items():
        monkeypatch.setenv(name, value)
    return fresh_backend


def events(count: int) -> list[dict]:
    return [
        {"account_id": f"a{n % 7}", "event": "Seen", "time": (BEGIN + timedelta(minutes=n)).isoformat(), "id": f"e{n}"}
        for n in range(count)
    ]


def lines(items: list) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


async def read(backend) -> list:
    """Every event of the topic."""
    environ = backend.environ()
    topic = f"{environ.get('KENKO_TOPIC_PREFIX', '')}kenko.usage-events.v1"
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=environ["KENKO_KAFKA_URL"].removeprefix("kafka://"), auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        found = []
        while batch := await consumer.getmany(timeout_ms=800):
            found += [
                decode_record(r.key, r.value, r.headers, r.timestamp) for records in batch.values() for r in records
            ]
        return found
    finally:
        await consumer.stop()


@pytest.mark.connected
def test_all_of_it_is_kept_as_history_and_a_second_run_repeats_nothing(kenko, connected, tmp_path):
    count = CHUNK + 50
    path = tmp_path / "year.jsonl.gz"
    path.write_bytes(gzip.compress((lines(events(count)) + "nonsense\n" + lines([{"event": "x"}])).encode()))
    first = kenko(path)
    assert first.exit_code == 0, first.output
    assert f"{count:,} events imported, 2 left out" in first.output
    assert f"line {count + 1}: is not JSON" in first.output
    kept = asyncio.run(read(connected))
    assert {event.id for event in kept} == {f"e{n}" for n in range(count)}
    assert all(event.backfill for event in kept)
    again = kenko(path)
    assert (again.exit_code, "0 events imported" in again.output) == (0, True), again.output
    assert len(asyncio.run(read(connected))) == count


@pytest.mark.connected
def test_it_goes_on_where_it_was_stopped_and_begins_anew_where_asked_or_where_the_file_changed(
    kenko, connected, tmp_path
):
    path = tmp_path / "year.jsonl"
    path.write_text(lines(events(30)))
    ImportMark(path).write(20)
    result = kenko(path)
    assert "Goes on behind line 20" in result.output
    assert "10 events imported" in result.output
    assert "30 events imported" in kenko(path, "--from-start").output
    path.write_text(lines(events(31)))
    assert "31 events imported" in kenko(path).output


@pytest.mark.connected
def test_a_parquet_file_is_read_as_its_columns_say(kenko, connected, tmp_path):
    path = tmp_path / "year.parquet"
    table = pa.table(
        {
            "account_id": [1, 2, 3],
            "event": ["Seen", "Seen", "Seen"],
            "ts": [BEGIN, BEGIN, None],
            "user_id": ["u", None, "w"],
            "value": [2.5, None, 1.0],
            "properties": [{"plan": "team", "seats": 3}, None, None],
        }
    )
    pq.write_table(table, path)
    result = kenko(path)
    assert "2 events imported, 1 left out" in result.output, result.output
    assert "line 3: ts: must be a timestamp" in result.output
    first, second = sorted(asyncio.run(read(connected)), key=lambda event: event.account_id)
    assert (first.account_id, first.user_id, first.time) == ("1", "u", BEGIN)
    assert first.properties == {"plan": "team", "seats": 3, "value": 2.5}
    assert (second.user_id, second.properties, second.id) == (None, {}, "year-2")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", b"", "must end in"),
        ("a.csv", b"x,y\n", "missing: account_id, event, ts"),
        ("a.parquet", b"PAR1", "is not Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(kenko, tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    result = kenko(tmp_path / name)
    assert (result.exit_code, says in result.output) == (1, True), result.output
