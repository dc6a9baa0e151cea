"""The alerter's parts over in-memory twins, with a clock that stands still."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.registry import CollectorRegistry

from kenko.delivery.receiver import ReceiverKind
from kenko.runtime.clock import ManualClock
from schemas.base import from_ms
from schemas.health import Contribution, Standing, Zone
from schemas.transition import Cause, Receipt, ScoreChange, Transition
from services.alerter.metrics import AlerterMetrics
from services.alerter.record_in import RecordIn

START_MS = 1_772_323_200_000


@pytest.fixture
def clock():
    return ManualClock(START_MS + 200)


@pytest.fixture
def metrics():
    return AlerterMetrics(ReceiverKind, CollectorRegistry())


@pytest.fixture(scope="session")
def transition():
    def make(to: str | None = "red", *, ms: int = 0, account: str = "Acme", offset: int | None = None) -> Transition:
        return Transition(
            id=f"{account.encode().hex()}/{ms}",
            account_id=account,
            model="default",
            score_hash="0",
            from_zone=None,
            to_zone=None if to is None else Zone(to),
            time=from_ms(START_MS + ms),
            partition=0,
            offset=ms if offset is None else offset,
            cause=Cause.BEHAVIOUR,
            receipt=Receipt(
                score=38.0,
                standing=Standing.SCORED,
                contributions=(
                    Contribution(
                        group="g",
                        signal="s",
                        label="Users",
                        value=3,
                        health=38,
                        weight=1,
                        points=38.0,
                        points_before=61,
                    ),
                ),
                change=ScoreChange(before=None, after=38.0),
                reference_score=61.0,
                reference_time=from_ms(START_MS - 7 * 86_400_000),
            ),
        )

    return make


@pytest.fixture(scope="session")
def record():
    def make(transition: Transition | None = None, **fields: Any) -> RecordIn:
        given: dict[str, Any] = {
            "topic": "kenko.transitions.v1",
            "partition": 0,
            "offset": 0,
            "key": None if transition is None else transition.account_id.encode(),
            "value": None if transition is None else transition.model_dump_json().encode(),
            "headers": (("kenko-type", b"transition"),),
            "timestamp_ms": START_MS + 100,
        }
        return RecordIn(**{**given, **fields})

    return make
