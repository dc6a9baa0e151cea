"""Commands that need no server: their words, and their exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kenko import __version__
from kenko.cli.app import app

EXAMPLES = Path(__file__).parents[2] / "examples"
SAAS = str(EXAMPLES / "saas" / "model.yaml")


@pytest.fixture
def kenko(monkeypatch, tmp_path):
    """Runs a command in an empty folder, with no server named."""
    monkeypatch.chdir(tmp_path)
    for name in ("KENKO_KAFKA_URL", "KENKO_REDIS_URL", "KENKO_MODEL", "KENKO_URL", "KENKO_KEY", "KENKO_TIME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    runner = CliRunner()
    return lambda *args: runner.invoke(app, [str(arg) for arg in args])


def test_version(kenko):
    result = kenko("--version")
    assert (result.exit_code, result.output) == (0, f"kenko {__version__}\n")


@pytest.mark.parametrize(
    "command",
    [
        ["demo"],
        ["up"],
        ["replay"],
        ["explain"],
        ["override"],
        ["traits"],
        ["model", "check"],
        ["model", "test"],
        ["model", "diff"],
        ["topics", "apply"],
    ],
)
def test_every_command_has_help(kenko, command):
    assert kenko(*command, "--help").exit_code == 0


@pytest.mark.parametrize("name", ["crm", "saas"])
def test_the_examples_models_are_fine(kenko, name):
    result = kenko("model", "check", EXAMPLES / name / "model.yaml")
    assert result.exit_code == 0
    assert "is fine" in result.output


def test_every_mistake_of_a_model_is_listed_with_its_place(kenko, tmp_path):
    text = Path(SAAS).read_text().replace("window: 10d", "windw: 10d").replace("below: 70", "below: seventy")
    (tmp_path / "model.yaml").write_text(text)
    result = kenko("model", "check", "model.yaml")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert any(line.startswith("model.yaml:12:") and "window" in line for line in lines)
    assert any("yellow" in line and "seventy" in line for line in lines)
    assert lines[-1].endswith("in model.yaml")


def test_a_missing_model_is_said_in_a_line(kenko):
    result = kenko("model", "check", "none.yaml")
    assert result.exit_code == 2
    assert result.output == "none.yaml: No such file or directory\n"


def _explain(kenko, story, at, *more):
    events = EXAMPLES / "saas" / f"{story}.jsonl"
    return kenko("explain", story, "--events", events, "--model", SAAS, "--at", at, *more)


def test_explain_prints_the_score_its_contributions_and_what_changed(kenko):
    result = _explain(kenko, "goes-silent", "2024-02-15T21:00:00Z")
    assert result.exit_code == 0
    assert result.output.startswith("goes-silent: 25.00 of 100, red since 2024-02-12 00:00\n")
    rows = [line.split() for line in result.output.splitlines() if "%" in line or "no data" in line]
    points = [float(row[-1]) for row in rows if row[0] not in ("total", "Last")]
    assert sum(points) == float(next(row[-1] for row in rows if row[0] == "total")) == 25.0
    assert "Since 6 February: 84.82 to 25.00 (-59.82)" in result.output
    assert "-25.00  Active users in ten days: 0 users, was 5 users" in result.output
    assert "entered red: 25, was 84 on 6 February" in result.output


def test_explain_shows_a_cap_as_a_contribution_and_says_when_it_is_gone(kenko):
    capped = _explain(kenko, "nps-detractor", "2024-02-01T21:00:00Z")
    assert "the score is at most 39 while this holds" in capped.output
    lifted = _explain(kenko, "nps-detractor", "2024-02-15T21:00:00Z")
    assert "the cap that held the score is gone" in lifted.output


def test_explain_says_that_a_new_account_has_no_zone(kenko):
    assert "new: it has no zone yet" in _explain(kenko, "grows", "2024-01-04T00:00:00Z").output


@pytest.fixture
def holding(tmp_path):
    """Two accounts of a holding that pay unlike, one whose revenue nobody said, one that left, one of another."""
    at = "2024-01-01T00:00:00Z"
    told = {
        "big": {"parent": "holding", "mrr": 900, "name": "Big [one]"},
        "small": {"parent": " holding ", "mrr": 100},
        "silent": {"parent": "holding"},
        "gone": {"parent": "holding", "mrr": 500},
        "moved": {"parent": "holding"},
        "other": {"parent": "another"},
    }
    events = [{"account_id": id_, "event": "group", "time": at, "properties": told[id_]} for id_ in told]
    events += [
        *({"account_id": "big", "event": "page", "time": f"2024-02-{day:02}T00:00:00Z"} for day in range(2, 15)),
        *({"account_id": id_, "event": "page", "time": at} for id_ in ("small", "silent")),  # once, and never again
        {"account_id": "moved", "event": "group", "time": "2024-01-02T00:00:00Z", "properties": {"parent": "another"}},
        {"account_id": "gone", "event": "Account Deleted", "time": "2024-02-01T00:00:00Z"},
    ]
    events.sort(key=lambda event: event["time"])
    lines = [json.dumps({"id": str(n), **event}) + "\n" for n, event in enumerate(events)]
    (tmp_path / "holding.jsonl").write_text("".join(lines))
    return ["--events", "holding.jsonl", "--at", "2024-02-15T00:00:00Z"]


def test_explain_children_weighs_the_accounts_of_a_parent_by_what_they_pay(kenko, holding):
    result = kenko("explain", "holding", "--children", *holding)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    rows = {line.split()[0]: line.split() for line in lines[2:] if line.strip()}
    assert rows["big"][1:3] == ["(Big", "[one])"]
    assert {"big", "small", "silent", "gone", "total"} <= set(rows)
    assert not {"moved", "other"} & set(rows)
    points = [float(rows[name][-1]) for name in ("big", "small", "silent")]
    assert round(sum(points), 2) == float(rows["total"][-1])
    assert lines[0] == f"holding: {rows['total'][-1]} of 100 over 3 of 4 children, the worst of them red"
    assert lines[1] == "revenue a month: 1,000, of it in red: 100 (10%)"
    assert rows["gone"] == ["gone", "churned", "0"]
    assert rows["silent"][2] == "unknown"
    assert "Where revenue is unknown, an account weighs as the mean of the others." in result.output


def test_explain_children_shows_each_child_with_the_score_it_has_by_itself(kenko, holding):
    listed = kenko("explain", "holding", "--children", *holding).output
    alone = kenko("explain", "big", *holding).output
    row = next(line.split() for line in listed.splitlines() if line.startswith("big "))
    assert alone.startswith(f"big: {row[-3]} of 100, {row[3]} since")


def test_explain_children_of_nobody_says_what_was_looked_for(kenko, holding):
    result = kenko("explain", "big", "--children", *holding)
    assert result.exit_code == 1
    assert "No account in holding.jsonl has 'big' as its trait `parent`." in result.output.replace("\n", " ")


def test_without_a_model_the_default_one_explains_a_file(kenko, holding):
    assert "model default" in kenko("explain", "big", *holding).output


def test_explain_of_nobody_fails_in_words(kenko):
    events = EXAMPLES / "saas" / "grows.jsonl"
    result = kenko("explain", "nobody", "--events", events, "--model", SAAS)
    assert result.exit_code == 1
    assert result.output.replace("\n", " ").strip().endswith("holds no event of 'nobody'.")


def test_explain_without_a_stack_says_what_to_do(kenko):
    result = kenko("explain", "acme")
    assert result.exit_code == 2
    assert "Start `kenko up` in this folder" in result.output


def test_at_needs_a_file(kenko):
    assert kenko("explain", "acme", "--at", "2024-01-01T00:00:00Z").exit_code == 2


def test_replay_without_an_ingest_says_what_to_do(kenko, tmp_path):
    (tmp_path / "e.jsonl").write_text(json.dumps({"account_id": "a", "event": "E", "time": "2024-01-01T00:00:00Z"}))
    result = kenko("replay", "e.jsonl")
    assert result.exit_code == 2
    assert "Where is ingest?" in result.output


@pytest.mark.parametrize(
    ("option", "value"),
    [("--tick", "6"), ("--tick", "0h"), ("--speed", "-1"), ("--speed", "fast"), ("--until", "soon")],
)
def test_a_wrong_option_is_named(kenko, tmp_path, option, value):
    result = kenko("replay", "e.jsonl", option, value)
    assert result.exit_code == 2
    assert value in result.output


def test_a_demo_of_a_file_without_events_fails_before_anything_is_started(kenko, tmp_path):
    (tmp_path / "e.jsonl").write_text("{\n")
    result = kenko("demo", "--events", "e.jsonl")
    assert result.exit_code == 1
    assert "holds no event; line 1: is not JSON" in result.output
    assert not (tmp_path / ".kenko").exists()
