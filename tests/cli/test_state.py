"""`kenko state`: what stands in Redis is listed; it is dropped when asked for twice, and never under a running scorer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner

from kenko.cli.app import app
from kenko.model import load_model
from kenko.runtime.clock import SystemClock
from kenko.store.keys import PartitionKeys, model_part

MODEL = Path(__file__).parents[2] / "examples" / "saas" / "model.yaml"
LONG_AGO_MS = 1_772_323_200_000


@pytest.fixture
def kenko(monkeypatch, tmp_path, redis_url):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KENKO_REDIS_URL", redis_url)
    monkeypatch.setenv("KENKO_PARTITIONS", "2")
    monkeypatch.setenv("KENKO_MODEL", str(MODEL))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *args: CliRunner().invoke(app, ["state", *args])


@pytest.fixture
def server(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield client


def configured():
    model = load_model(MODEL.read_text())
    return model_part(model.name, model.state_hash)


def fill(server, model, partitions, *, tick_ms=LONG_AGO_MS):
    for partition in range(partitions):
        keys = PartitionKeys(model, partition, partitions)
        server.hset(keys.fence, mapping={"offset": 7, "log": "log", "now": tick_ms, "counts": "{}"})
        server.zadd(keys.scores, {"acme": 5000, "other": -1})
        server.set(keys.row("acme"), b"row")


def test_nothing_is_nothing(kenko):
    result = kenko("ls")
    assert result.exit_code == 0
    assert "no state under the prefix kenko" in result.stdout


def test_the_list_says_which_is_ours_and_which_is_live(kenko, server):
    fill(server, configured(), 2, tick_ms=SystemClock().now_ms())
    fill(server, "old-00000000", 1)

    lines = [json.loads(line) for line in kenko("ls", "--json").stdout.splitlines()]
    said = [(x["model"], x["partition"], x["partitions"], x["configured"], x["live"], x["rows"]) for x in lines]
    assert sorted(said) == sorted(
        [
            (configured(), 0, 2, True, True, 2),
            (configured(), 1, 2, True, True, 2),
            ("old-00000000", 0, 1, False, False, 2),
        ]
    )
    assert all(line["bytes"] > 0 and line["fence"] == 7 for line in lines)
    shown = kenko("ls").stdout
    assert "3 keyspaces, 6 rows" in shown


def test_a_drop_that_is_not_confirmed_only_says_what_would_go(kenko, server):
    fill(server, configured(), 2)
    result = kenko("drop", "--partitions", "2")
    assert result.exit_code == 2
    assert "2 of 2 partitions, 4 accounts: the configured model's" in result.output
    assert "give --yes" in result.output
    assert server.dbsize() == 6


def test_what_is_named_goes(kenko, server):
    fill(server, configured(), 2)
    fill(server, "old-00000000", 2)
    fill(server, "old-00000000", 1)
    assert kenko("drop", "--model", "old-00000000", "--partitions", "2", "--yes").exit_code == 0
    assert server.dbsize() == 9
    assert kenko("drop", "--partitions", "2", "--yes").exit_code == 0
    assert server.dbsize() == 3
    assert kenko("drop", "--model", "old-00000000", "--yes").exit_code == 0
    assert server.dbsize() == 0


def test_what_somebody_commits_to_stays_whatever_is_said(kenko, server):
    fill(server, configured(), 2, tick_ms=SystemClock().now_ms())
    result = kenko("drop", "--partitions", "2", "--yes")
    assert result.exit_code == 1
    assert "Stop the scorers" in result.output
    assert server.dbsize() == 6


@pytest.mark.parametrize(
    ("args", "code", "says"), [([], 2, "Which?"), (["--model", "none-1", "--yes"], 1, "no such state")]
)
def test_what_cannot_be_is_refused(kenko, args, code, says):
    result = kenko("drop", *args)
    assert result.exit_code == code
    assert says in result.output
