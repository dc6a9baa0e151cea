"""One account, explained: its score now, and what each input added about a week ago."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kenko.engine.scorer import Scorer
from kenko.engine.snapshots import reference
from kenko.engine.state import Snapshot
from schemas.base import from_ms
from schemas.health import Contribution, HealthScore, Points


@dataclass(frozen=True)
class AccountView:
    """What `kenko explain` shows."""

    health: HealthScore
    reference_time: datetime | None
    reference_score: Points | None
    cap_lifted: Points
    """What a cap took away at the reference time, if none does now."""
    last_seen: datetime | None


def view_row(scorer: Scorer, account_id: str, row: bytes, now_ms: int) -> AccountView:
    """The account in `row` at `now_ms`."""
    state = scorer.decode(account_id, row)
    health = scorer.health(state, now_ms)
    before = reference(state)
    return AccountView(
        health=health,
        reference_time=None if before is None else from_ms(before.time_ms),
        reference_score=None if before is None or before.score is None else before.score / 100,
        cap_lifted=_cap_lifted(health.contributions, before),
        last_seen=None if state.last_seen_ms is None else from_ms(min(state.last_seen_ms, now_ms)),
    )


def _cap_lifted(contributions: Sequence[Contribution], before: Snapshot | None) -> Points:
    if before is None or len(before.points) <= len(contributions):
        return 0.0
    return -before.points[-1] / 100
