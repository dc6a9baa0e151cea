"""`kenko keys`: made once, listed without secrets, rotated, revoked."""

from __future__ import annotations

import json
import re
import stat

import pytest
from typer.testing import CliRunner

from kenko.cli.app import app
from kenko.runtime.api_keys import KnownKeys, Scope, read_key_file
from kenko.runtime.clock import SystemClock
from schemas.base import from_ms


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "secrets" / "keys.json"

    def invoke(*args: str):
        return CliRunner().invoke(app, ["keys", *args, "--file", str(path)])

    invoke.path = path
    return invoke


def test_a_made_key_counts_and_its_file_is_for_its_owner_alone(run) -> None:
    made = run("create", "billing", "--source", "billing", "--scope", "ingest", "--scope", "read", "--expires", "90d")
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    assert re.fullmatch(r"kenko_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", key)
    now = from_ms(SystemClock().now_ms())
    found = KnownKeys(read_key_file(run.path).keys).find(key.encode(), now)
    assert (found.name, found.scopes, found.sources) == ("billing", (Scope.INGEST, Scope.READ), ("billing",))
    assert 89 <= (found.expires_at - now).days <= 90
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o600
    assert key.rpartition("_")[2] not in run.path.read_text()
    assert [path.name for path in run.path.parent.iterdir()] == ["keys.json"]


def test_a_name_has_two_live_keys_at_most_and_revoking_makes_room(run) -> None:
    first = run("create", "app").stdout.split("_")[1]
    assert run("create", "app").exit_code == 0
    third = run("create", "app")
    assert third.exit_code == 2
    assert first in third.stderr
    assert run("revoke", first).exit_code == 0
    assert run("create", "app").exit_code == 0
    states = [json.loads(line)["state"] for line in run("list", "--json").stdout.splitlines()]
    assert states == ["revoked", "live", "live"]


def test_the_list_shows_no_hash(run) -> None:
    run("create", "app")
    [key] = read_key_file(run.path).keys
    for args in (("list",), ("list", "--json")):
        shown = run(*args).stdout
        assert "app" in shown
        assert key.hash not in shown


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("list",), "cannot be read"),
        (("revoke", "00000000"), "cannot be read"),
        (("create", " x"), "name"),
        (("create", "x", "--source", "a\nb"), "sources"),
        (("create", "x", "--expires", "soon"), "soon"),
    ],
)
def test_what_cannot_be_done_says_why(run, args, said) -> None:
    result = run(*args)
    assert result.exit_code == 2, result.output
    assert said in result.stderr


def test_revoking_a_key_that_is_not_there_names_it(run) -> None:
    run("create", "app")
    result = run("revoke", "0badf00d")
    assert (result.exit_code, "0badf00d" in result.stderr) == (2, True)
