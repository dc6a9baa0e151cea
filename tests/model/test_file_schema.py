"""The schema for editors takes what the reader takes, and refuses what is misspelt."""

from __future__ import annotations

import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from kenko.model import ModelErrors, file_schema, load_model

ROOT = Path(__file__).parents[2]
MODELS = sorted([*ROOT.glob("examples/**/*.yaml"), ROOT / "tests" / "model" / "full.yaml"])


@pytest.fixture(scope="module")
def validator():
    schema = file_schema.file_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_model_of_the_project_is_valid(validator, path):
    assert [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))] == []


def test_the_plain_model_is_valid(validator, text):
    validator.validate(yaml.safe_load(text))


BROKEN = [
    # unknown keys, at every depth
    ("signals:\n", "signal:\n"),
    ("version: 7,", "versoin: 7,"),
    ("  renewal: 90d\n", "  renewel: 90d\n"),
    ("touch: {high: 5000", "touch: {hihg: 5000"),
    ("  events: [group", "  event: [group"),
    ("aggregate: count, window: 28d, label", "aggregate: count, windw: 28d, label"),
    ("{sum: properties.minutes}", "{sums: properties.minutes}"),
    ("{prefix: billing.}", "{prefx: billing.}"),
    ("source: crm", "sources: crm"),
    ("rows: {gte: 100}", "rows: {ge: 100}"),
    ("stale_after: 90d", "stale: 90d"),
    ("{numerator: reports", "{nominator: reports"),
    ("{of: minutes", "{off: minutes"),
    ("scale: 100", "scal: 100"),
    ("{lt: 3, health: 100}", "{lt: 3, healt: 100}"),
    ("half_life: 7d", "halflife: 7d"),
    ("at_most: 39", "atmost: 39"),
    ("{signal: nps, lte: 3}", "{signal: nps, max: 3}"),
    ("clear_above: 45", "clear_abov: 45"),
    ("drop: {points: 15", "drop: {point: 15"),
    ("silence: {factor: 4, at_least", "silence: {factor: 4, at_lest"),
    ("age: {gte: 21d}", "age: {ge: 21d}"),
    ("renewal_within: 90d", "renewal_in: 90d"),
    ("{nps: {lte: 6}}", "{nps: {below: 6}}"),
    ("override: {zones.red: {below: 30", "override: {zone.red: {below: 30"),
    ("calibration: {within", "calibration: {withn"),
    ("every: 1d", "evry: 1d"),
    ("score: {lt: 40}", "score: {below: 40}"),
    # wrong shapes and words
    ("kenko/v1", "kenko/v2"),
    ("kind: sentiment", "kind: sentimental"),
    ("name: stalled", "name: zone"),
    ("recency: {weight: 15", "override: {weight: 15"),
    ("below: 40", "below: forty"),
    ("window: 28d, label", "window: 28, label"),
    ("silence: {factor: 4, at_least: 3d}", "for: 3d"),
    ("aggregate: {nps: properties.score}", "aggregate: {nps: score}"),
    ("zone: red,", "zone: rot,"),
    (", until: 20d", ""),
    ("source: erp, at: 1d", "sauce: erp, at: 1d"),
    ("{event: Deal Won, source", "{traits: {seats: 1}, source"),
    ("{override: {score: 35,", "{override: {score: 135,"),
    ("{override: {score: 35,", "{event: x, override: {score: 35,"),
    ("traits: {seats: 40, owner: null}", "traits: {}"),
]


@pytest.mark.parametrize(("old", "new"), BROKEN, ids=[new for _, new in BROKEN])
def test_what_the_schema_refuses_the_reader_refuses_too(validator, full, old, new):
    assert old in full
    broken = full.replace(old, new, 1)
    assert not validator.is_valid(yaml.safe_load(broken))
    with pytest.raises(ModelErrors):
        load_model(broken)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("zone: [green]", "zone: green"),
        ("{event: {prefix: ticket.}}", '{event: "*", not: [a, {prefix: b}]}'),
        ("{time_to: First Report Shared}", "{time_to: [A, B]}"),
        ("plan: [pro, max]", "plan: {in: [pro, max], exists: true}"),
        ("score.new_account_grace: 7d", "score: {groups: {recency: {weight: 3}}}"),
        ("{en: Actions, ja: 操作}", "Actions"),
        ("missing: redistribute", "missing: last"),
    ],
)
def test_other_ways_to_say_it_are_valid_for_both(validator, full, old, new):
    assert old in full
    changed = full.replace(old, new, 1)
    validator.validate(yaml.safe_load(changed))
    assert load_model(changed).name == "default"


def test_the_committed_file_is_the_one_the_code_writes():
    assert file_schema.FILE.read_text(encoding="utf-8") == file_schema.render()


def test_check_tells_of_a_stale_file_and_writing_mends_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(file_schema, "FILE", tmp_path / "schema.json")
    monkeypatch.setattr(sys, "argv", ["file_schema", "--check"])
    assert file_schema.main() == 1
    assert "is stale" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["file_schema"])
    assert file_schema.main() == 0
    monkeypatch.setattr(sys, "argv", ["file_schema", "--check"])
    assert file_schema.main() == 0
