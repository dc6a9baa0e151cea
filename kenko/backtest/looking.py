"""Look: what was known of every account at one time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kenko.backtest.memory_fold import MemoryFold
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState
from schemas.health import HealthScore, Standing


class Look(NamedTuple):
    """One account at one time."""

    account_id: str
    time_ms: int
    score: float | None
    """None where the account is new or unknown."""
    probability: float | None
    """That it leaves soon, where the model is calibrated."""
    values: dict[str, float | None]
    """By signal, in the unit people read; None: no data. Empty if nobody asked for them."""


def look(fold: MemoryFold, time_ms: int, *, with_values: bool = False) -> Iterator[Look]:
    """Every account that is not churned, as of the newest tick. Nothing before the first tick."""
    now_ms = fold.now_ms
    if now_ms is None:
        return
    for state in fold.states():
        health = fold.scorer.health(state, now_ms)
        if health.standing is Standing.CHURNED:
            continue
        values = signal_values(fold.scorer, state, now_ms) if with_values else {}
        yield Look(state.account_id, time_ms, shown_score(health), health.churn_probability_90d, values)


def shown_score(health: HealthScore) -> float | None:
    """The score that counts for figures: inside the grace of a new account there is none."""
    return health.score if health.standing is Standing.SCORED else None


def signal_values(scorer: Scorer, state: AccountState, now_ms: int) -> dict[str, float | None]:
    """The values of all signals of the model at `now_ms`; None: no data."""
    return scorer.values(state, now_ms)
