"""What `kenko shadow report` prints."""

from __future__ import annotations

from collections import Counter

import pytest
from typer.testing import CliRunner

from kenko.cli.app import app
from kenko.cli.shadow.reading import Difference, Report
from kenko.cli.shadow.report import _print
from kenko.store.disagreement import Compared, Seen


@pytest.fixture
def report():
    moved = Compared("acme\x1b[31m", Seen("green", 81.4), Seen("red", 22.0))
    return Report(
        shadow="m-2",
        live={0: "m-1", 1: "m-1"},
        behind=3,
        tally=Counter({("green", "green"): 1200, ("green", "red"): 1, ("none", "none"): 4}),
        differing=[Difference(moved, "Exports in 28 days 0.")],
    )


def test_it_counts_by_zones_and_names_who_differs(report, capsys):
    _print(report)

    said = capsys.readouterr().out
    assert "live m-1, shadow m-2" in said
    assert "3 offsets behind" in said
    assert "1,200" in said
    assert "1 of 1,205 accounts in another zone" in said
    (line,) = [line for line in said.splitlines() if "acme" in line]
    assert "green 81 -> red 22" in line
    assert line.endswith("Exports in 28 days 0.")
    assert "\x1b[31m" not in said, "whoever names an account does not steer the screen"


def test_a_model_that_does_not_load_is_told_with_its_place(tmp_path):
    model = tmp_path / "model.yaml"
    model.write_text("kind: HealthModel\n")

    result = CliRunner().invoke(
        app, ["shadow", "report", "--model", str(model)], env={"KENKO_REDIS_URL": "redis://127.0.0.1:1"}
    )

    assert result.exit_code == 1
    assert "model.yaml" in result.output
