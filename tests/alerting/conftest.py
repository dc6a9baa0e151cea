"""Transitions to decide about, short to write."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.base import from_ms
from schemas.health import Contribution, Standing, Zone
from schemas.transition import Cause, Receipt, ScoreChange, Transition

START_MS = 1_772_323_200_000  # 1 March 2026
HOUR_MS = 3_600_000


@pytest.fixture(scope="session")
def contribution():
    def make(signal: str = "active_users", points: float = 10.0, **fields: Any) -> Contribution:
        given = {"group": "adoption", "label": signal.replace("_", " ").capitalize(), "health": 50.0, "weight": 0.5}
        return Contribution(signal=signal, points=points, value=fields.pop("value", 3.0), **{**given, **fields})

    return make


@pytest.fixture(scope="session")
def transition():
    """`hours` after START_MS at offset `offset`; `contributions` add up to the score; `more`: further fields."""

    def make(
        to: str | None = "red",
        *,
        hours: float = 0,
        offset: int | None = None,
        account: str = "Acme",
        came_from: str | None = "yellow",
        contributions: tuple[Contribution, ...] = (),
        cause: Cause = Cause.BEHAVIOUR,
        partition: int = 3,
        rule: str = "zone",
        standing: Standing = Standing.SCORED,
        more: dict[str, Any] | None = None,
        **receipt: Any,
    ) -> Transition:
        time_ms = START_MS + round(hours * HOUR_MS)
        at = round(hours * 10) if offset is None else offset
        score = sum(round(c.points * 100) for c in contributions) / 100 if contributions else None
        return Transition(
            id=f"{account}/{rule}/{partition}/{at}",
            account_id=account,
            rule=rule,
            model="default",
            score_hash="0" * 16,
            from_zone=None if came_from is None else Zone(came_from),
            to_zone=None if to is None else Zone(to),
            time=from_ms(time_ms),
            partition=partition,
            offset=at,
            cause=cause,
            receipt=Receipt(
                score=score,
                standing=standing,
                contributions=contributions,
                change=ScoreChange(before=None, after=score),
                **receipt,
            ),
            **(more or {}),
        )

    return make
