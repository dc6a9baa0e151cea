"""`kenko model ...`: what people read, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kenko.cli.app import app

ROOT = Path(__file__).parents[2]
FULL = ROOT / "tests" / "model" / "full.yaml"
MODEL = """\
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: small, version: 1}
signals:
  uses: {match: {event: Use}, aggregate: count, window: 7d, label: Uses in a week}
score:
  groups: {use: {weight: 1, inputs: [{signal: uses, curve: {points: [[0, 0], [10, 100]]}}]}}
zones:
  red: {below: 40, clear_above: 45}
  yellow: {below: 70, clear_above: 74}
"""
TESTS = """\
tests:
  - {name: silence is red, events: [{event: Use, at: 0d}], at: 10d, expect: {zone: red}}
  - {name: use is green, events: data/use.jsonl, at: +3d, expect: {zone: green}}
"""


@pytest.fixture
def kenko(monkeypatch, tmp_path):
    """Runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    runner = CliRunner()
    return lambda *args: runner.invoke(app, [str(arg) for arg in args])


def _events(path, days, account="acme"):
    path.parent.mkdir(exist_ok=True)
    lines = [
        json.dumps({"id": f"{n}", "account_id": account, "event": "Use", "time": f"2024-03-{n // 8 + 1:02}T0{n % 8}:00:00Z"})
        for n in range(days * 8)
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")


def test_check_counts_the_parts_and_tells_of_tests(kenko):
    result = kenko("model", "check", FULL)
    assert result.exit_code == 0
    first, second, third = result.output.splitlines()
    assert first.endswith("default version 7 is fine: 20 signals, 3 groups, 1 cap, 6 rules, 2 profiles")
    assert second.startswith("state hash ")
    assert third.startswith("It has 2 tests of its own")


def test_check_names_every_mistake_in_a_profile(kenko, tmp_path):
    text = FULL.read_text().replace(
        "{below: 50, clear_above: 55}", "{below: 50, clear_abov: 55}\n      score.caps.x: 1"
    )
    (tmp_path / "model.yaml").write_text(text)
    result = kenko("model", "check", "model.yaml")
    assert result.exit_code == 1
    assert [line.partition(" (")[0] for line in result.output.splitlines()] == [
        "model.yaml:83:26: profiles[1].override.zones.red.below: clear_above must be above below: 45 is not above 50",
        "model.yaml:83:30: profiles[1].override.zones.red.clear_abov: unknown key",
        "model.yaml:84:7: profiles[1].override.score.caps.x: score.caps is a list",
        "3 mistakes in model.yaml",
    ]


def test_tests_that_pass_are_named(kenko, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.yaml").write_text(MODEL + TESTS)
    _events(tmp_path / "m" / "data" / "use.jsonl", 3)
    result = kenko("model", "test", "m/model.yaml")
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        ["passed  silence is red", "passed  use is green", "2 tests: 2 passed, 0 failed"],
    )


def test_a_test_that_fails_says_what_was_found_and_where_it_stands(kenko, tmp_path):
    (tmp_path / "model.yaml").write_text(MODEL + TESTS.replace("zone: red", "zone: green, rules: []"))
    _events(tmp_path / "data" / "use.jsonl", 3)
    result = kenko("model", "test", "model.yaml")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "FAILED  silence is red (model.yaml:12)",
        "        zone: expected green, found red",
        "        all that was found: zone red, scored, score 0.00, no rule holds, profile none",
        "passed  use is green",
        "2 tests: 1 passed, 1 failed",
    ]


def test_a_file_that_is_missing_or_broken_fails_its_test_alone(kenko, tmp_path):
    (tmp_path / "model.yaml").write_text(MODEL + TESTS)
    missing = kenko("model", "test", "model.yaml")
    assert missing.exit_code == 1
    assert "        data/use.jsonl: there is no such file" in missing.output.splitlines()
    assert "2 tests: 1 passed, 1 failed" in missing.output
    _events(tmp_path / "data" / "use.jsonl", 3)
    with (tmp_path / "data" / "use.jsonl").open("a") as file:
        file.write("{nonsense\n")
    broken = kenko("model", "test", "model.yaml")
    assert broken.exit_code == 1
    assert "data/use.jsonl:25: is not JSON" in broken.output


def test_a_model_without_tests_is_no_failure(kenko, tmp_path):
    (tmp_path / "model.yaml").write_text(MODEL)
    result = kenko("model", "test", "model.yaml")
    assert (result.exit_code, result.output) == (0, "model.yaml: small has no tests. Write some under `tests:`.\n")


def test_schema_is_the_committed_one(kenko):
    result = kenko("model", "schema")
    assert result.exit_code == 0
    assert result.output == (ROOT / "docs" / "health-model.schema.json").read_text(encoding="utf-8")


def test_explain_says_the_model_in_words(kenko):
    result = kenko("model", "explain", FULL)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "default 7: What keeps customers with us"
    assert "  Actions: events in 28 days: any event" in lines
    assert "   62.5 %  adoption" in lines
    assert "     41.7 %  seat use: 0.2 is 0, 0.8 is 100; without data as it last was" in lines
    assert "  red: below 40, until above 45" in lines
    assert "  Fell fast: churn: 15 points or more below the highest close of 7 days" in lines
    assert "  enterprise / Zones / red: below 50, until above 55" in lines


def test_explain_speaks_japanese(kenko):
    lines = kenko("model", "explain", FULL, "--lang", "ja").output.splitlines()
    assert "  操作: 28日間のイベント数: すべてのイベント" in lines
    assert "  急落: 解約: 7日間の終値の最高から15点以上の低下" in lines


def test_explain_says_which_languages_there_are(kenko):
    result = kenko("model", "explain", FULL, "--lang", "fr")
    assert (result.exit_code, result.output) == (2, "--lang fr: there are words in en and ja.\n")


def test_diff_says_what_changes_and_what_it_costs(kenko, tmp_path):
    (tmp_path / "a.yaml").write_text(MODEL)
    (tmp_path / "b.yaml").write_text(MODEL.replace("below: 40", "below: 30").replace("Uses in", "Use in"))
    result = kenko("model", "diff", "a.yaml", "b.yaml")
    assert (result.exit_code, result.output.splitlines()) == (
        0,
        [
            "Zones",
            "  ~ red: below 40, until above 45 -> below 30, until above 45",
            "",
            "Labels and units",
            "  ~ uses: en: Uses in a week -> en: Use in a week",
            "",
            "Another score hash: accounts are scored again from their stored state, nothing is rebuilt.",
        ],
    )


def test_diff_of_a_model_with_itself_says_that_nothing_changes(kenko, tmp_path):
    (tmp_path / "a.yaml").write_text(MODEL)
    assert kenko("model", "diff", "a.yaml", "a.yaml").output == "Nothing changes.\n"


def test_diff_says_when_a_change_does_not_show_in_words(kenko, tmp_path):
    (tmp_path / "a.yaml").write_text(MODEL)
    (tmp_path / "b.yaml").write_text(MODEL.replace("weight: 1", "weight: 2"))
    assert kenko("model", "diff", "a.yaml", "b.yaml").output.startswith("What differs does not show in words")


def test_diff_with_events_says_whose_score_moves_largest_first(kenko, tmp_path):
    (tmp_path / "a.yaml").write_text(MODEL)
    (tmp_path / "b.yaml").write_text(MODEL.replace("[10, 100]", "[50, 100]"))
    lines = []
    for account, uses in (("busy", 40), ("calm", 5), ("gone", 1)):
        day = "2024-03-01" if account == "gone" else "2024-03-20"
        lines += [
            {
                "id": f"{account}{n}",
                "account_id": account,
                "event": "Use",
                "time": f"{day}T{n % 24:02}:{n // 24:02}:00Z",
            }
            for n in range(uses)
        ]
    (tmp_path / "e.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    result = kenko("model", "diff", "a.yaml", "b.yaml", "--events", "e.jsonl")
    assert result.exit_code == 0
    assert result.output.splitlines()[-4:] == [
        "  -40.00  calm: 50.00 yellow -> 10.00 red",
        "  -20.00  busy: 100.00 green -> 80.00 green",
        "2 of 3 accounts differ at the end of the file.",
        "red 1 -> 2, yellow 1 -> 0, green 1 -> 1",
    ]
    few = kenko("model", "diff", "a.yaml", "b.yaml", "--events", "e.jsonl", "--show", "1")
    assert "and 1 more" in few.output.splitlines()


def test_diff_of_a_broken_model_names_its_mistakes(kenko, tmp_path):
    (tmp_path / "a.yaml").write_text(MODEL)
    (tmp_path / "b.yaml").write_text(MODEL.replace("below: 40", "below: 400"))
    result = kenko("model", "diff", "a.yaml", "b.yaml")
    assert result.exit_code == 1
    assert "b.yaml:9:16: zones.red.below" in result.output
