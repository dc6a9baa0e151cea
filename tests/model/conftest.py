from __future__ import annotations

from pathlib import Path

import pytest

from kenko.model import ModelErrors, load_model

MODEL = """\
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: default, version: 7}
signals:
  active_users_7d:
    match: {event: "*", not: [Ticket Opened]}
    aggregate: {unique: user_id}
    window: 7d
  exports_28d:
    match: {event: Report Exported, properties: {rows: {gte: 100}, plan: {in: [pro, team]}}}
    aggregate: count
    window: 28d
  minutes_28d:
    match: {event: [Session Ended, Call Ended]}
    aggregate: {sum: properties.minutes}
    window: 28d
    unit: minutes
    label: {en: minutes in the product, ja: 利用時間}
  nps:
    match: {event: NPS Answered}
    aggregate: {latest: properties.score}
    stale_after: 180d
  last_seen:
    match: {event: "*"}
    aggregate: recency
  onboarding:
    milestones: [Signed Up, Data Connected]
score:
  groups:
    adoption:
      weight: 50
      inputs:
        - {signal: active_users_7d, weight: 2, curve: {points: [[0, 0], [3, 50], [8, 100]]}}
        - {signal: exports_28d, curve: {points: [[0, 0], [10, 100]]}, missing: worst}
    sentiment:
      weight: 20
      inputs:
        - {signal: nps, curve: {points: [[0, 0], [9, 100]]}}
    recency:
      weight: 15
      inputs:
        - {signal: last_seen, curve: {half_life: 7d}}
  missing: redistribute
  caps:
    - {when: {signal: nps, lte: 3}, at_most: 39}
  new_account_grace: 14d
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 1h}
lifecycle: {started: [Contract Signed], ended: [Contract Ended]}
"""


@pytest.fixture(scope="session")
def text() -> str:
    return MODEL


@pytest.fixture(scope="session")
def full() -> str:
    """A model with every part of the language."""
    return (Path(__file__).parent / "full.yaml").read_text(encoding="utf-8")


@pytest.fixture
def mistakes_after(full):
    """Every mistake of the full model after these replacements, each with its line, column and path."""

    def find(changes):
        text = full
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        with pytest.raises(ModelErrors) as caught:
            load_model(text)
        return [f"{e.line}:{e.column}: {e.path}: {e.message}" for e in caught.value.errors]

    return find
