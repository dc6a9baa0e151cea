"""What `kenko explain` prints of an account whose sources have fallen silent."""

import pytest

from kenko.backtest.view import view_row
from kenko.cli.account_view import print_view
from kenko.engine.scorer import Scorer
from kenko.model import load_model
from schemas.base import from_ms
from schemas.usage_event import UsageEvent

DAY = 86_400_000
START = 1_700_438_400_000  # 2023-11-20 00:00 UTC

MODEL = """
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: small, version: 1}
signals:
  seen: {match: {event: "*"}, aggregate: recency}
score:
  groups:
    recency: {weight: 1, inputs: [{signal: seen, curve: {points: [[1, 100], [8, 0]]}}]}
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 0s}
"""


@pytest.fixture
def explained(capsys):
    """What is printed of an account last used at START, ten days later."""
    scorer = Scorer(load_model(MODEL, name="small.yaml"))
    state = scorer.new("acme")
    event = UsageEvent(id="e1", account_id="acme", event="Report Exported", time=from_ms(START))
    scorer.apply(state, event, START, b"12345678", None)
    row = scorer.encode(state)

    def explain(silent):
        print_view(view_row(scorer, "acme", row, START + 10 * DAY, silent), None)
        return capsys.readouterr().out

    return explain


def test_it_says_since_when_it_is_stale_and_shows_it_as_it_was(explained):
    said = explained({"": START + DAY // 2, "crm": START - DAY})
    assert said.startswith("acme: 100.00 of 100")
    assert "\nstale since 2023-11-20 12:00 UTC: a source of its events is silent." in said


def test_without_a_silent_source_nothing_is_said_of_it(explained):
    said = explained({})
    assert said.startswith("acme: 0.00 of 100")
    assert "stale" not in said


def test_a_silent_source_that_feeds_nothing_of_it_is_not_its_business(explained):
    assert "stale" not in explained({"crm": START})
