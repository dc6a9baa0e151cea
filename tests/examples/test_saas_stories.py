"""The page of the six stories derives every score by hand; the engine must agree with the page."""

import re
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from kenko.alerting.policy import AlertPolicy
from kenko.backtest.event_source import open_source
from kenko.backtest.plan import plan
from kenko.backtest.run import Backtest, Judge, run
from kenko.model import load_model
from schemas.base import to_ms
from schemas.health import Zone
from schemas.transition import Cause

FOLDER = Path(__file__).parents[2] / "examples" / "saas"
HOUR_MS = 3_600_000
RECEIVED_MS = to_ms(datetime.fromisoformat("2024-06-01T00:00:00Z"))


class Expected(NamedTuple):
    story: str
    at: str
    score: str
    zone: str
    sum: str


def _expected() -> list[Expected]:
    cells = (
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in (FOLDER / "README.md").read_text().splitlines()
        if line.startswith("|")
    )
    return [Expected(*row) for row in cells if len(row) == len(Expected._fields) and row[1].startswith("2024-")]


def _fold(story: str, at: str) -> Backtest:
    model = load_model((FOLDER / "model.yaml").read_text())
    steps = plan(
        open_source(FOLDER / f"{story}.jsonl").events(),
        interval_ms=HOUR_MS,
        until_ms=to_ms(datetime.fromisoformat(at)),
    )
    return run(steps, Judge(model, 3, AlertPolicy(receivers=("webhook",)), RECEIVED_MS))


@pytest.mark.parametrize("row", _expected(), ids=lambda row: f"{row.story}-{row.at[:10]}")
def test_the_engine_agrees_with_the_page(row):
    health = _fold(row.story, row.at).fold.health(row.story)
    assert health is not None
    assert (f"{health.score:.2f}", health.zone or "-") == (row.score, row.zone)


@pytest.mark.parametrize("row", _expected(), ids=lambda row: f"{row.story}-{row.at[:10]}")
def test_the_sums_on_the_page_are_right(row):
    parts = re.match(r"\((.*?)\) = (\d+)", row.sum)
    assert parts is not None
    points = [int(part) for part in parts[1].split(" + ") if part != "-"]
    assert sum(points) == int(parts[2])
    reachable = 80 if "-" in parts[1] else 100
    held = re.search(r"held at (\d+)", row.sum)
    score = sum(points) * 100 / reachable
    assert f"{min(score, float(held[1])) if held else score:.2f}" == row.score


def test_every_story_is_on_the_page():
    assert {row.story for row in _expected()} == {path.stem for path in FOLDER.glob("*.jsonl")}


def test_every_event_of_a_story_is_taken():
    for path in FOLDER.glob("*.jsonl"):
        backtest = _fold(path.stem, "2024-05-01T00:00:00Z")
        assert (open_source(path).bad, backtest.bad) == ((), [])
        assert backtest.fold.counts["applied"] == open_source(path).count


def test_silence_alone_raises_the_alert_of_goes_silent():
    [alert] = _fold("goes-silent", "2024-02-15T21:00:00Z").alerts
    assert (alert.alert.zone, alert.alert.cause) == (Zone.RED, Cause.PASSING_TIME)
    assert alert.told
    assert "No activity for 13 days" in alert.alert.reason


def test_an_answer_raises_the_alert_of_nps_detractor_and_another_ends_it():
    [alert] = _fold("nps-detractor", "2024-02-15T21:00:00Z").alerts
    assert alert.alert.cause is Cause.BEHAVIOUR
    assert alert.end_told


def test_stays_healthy_never_raises_one():
    assert _fold("stays-healthy", "2024-02-22T21:00:00Z").alerts == []
