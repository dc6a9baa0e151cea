"""One account, explained: its score now, and what each input added about a week ago."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kenko.engine.identity import short_hash
from kenko.engine.receipts import Before
from kenko.engine.scorer import Scorer
from schemas.base import from_ms
from schemas.health import CAP_GROUP, Contribution, HealthScore, Points


@dataclass(frozen=True)
class AccountView:
    """What `kenko explain` shows."""

    health: HealthScore
    reference_time: datetime | None
    reference_score: Points | None
    cap_lifted: Points
    """What a cap took away at the reference time, if none does now."""
    last_seen: datetime | None
    profile: str | None
    """The model's profile at the last evaluation; None: no profile fits."""
    rules: tuple[str, ...]
    """Rules that hold, by name."""


def view_row(
    scorer: Scorer, account_id: str, row: bytes, now_ms: int, silent: Mapping[str, int] | None = None
) -> AccountView:
    """The account in `row` at `now_ms`. `silent`: as the fence of its partition has it."""
    state = scorer.decode(account_id, row)
    health = scorer.health(state, now_ms, silent or {})
    before = scorer.before(state, now_ms)
    is_ours = state.scored_by == short_hash(scorer.model.score_hash)  # another model numbers its profiles otherwise
    then = None if before is None else before.snapshot
    return AccountView(
        health=health,
        reference_time=None if then is None else from_ms(then.time_ms),
        reference_score=None if then is None or then.score is None else then.score / 100,
        cap_lifted=_cap_lifted(health.contributions, before),
        last_seen=None if state.last_seen_ms is None else from_ms(min(state.last_seen_ms, now_ms)),
        profile=scorer.profile(state.last.policy) if state.last is not None and is_ours else None,
        rules=tuple(sorted(name for name, (holds, _) in state.rules.items() if holds)),
    )


def _cap_lifted(contributions: Sequence[Contribution], before: Before | None) -> Points:
    if before is None or before.scored is None or any(item.group == CAP_GROUP for item in contributions):
        return 0.0
    return -before.scored.cap_points / 100
