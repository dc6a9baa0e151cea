"""Whose score another model changes: the same events folded with both, looked at at their end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.health import HealthScore, centi


class Move(NamedTuple):
    """One account under two models."""

    account_id: str
    before: HealthScore
    after: HealthScore

    @property
    def points(self) -> float | None:
        """By how much the score changes; None where one of the models gives none."""
        if self.before.score is None or self.after.score is None:
            return None
        return (centi(self.after.score) - centi(self.before.score)) / 100

    @property
    def is_one(self) -> bool:
        """True if score, zone or standing differ."""
        return (self.before.score, self.before.zone, self.before.standing) != (
            self.after.score,
            self.after.zone,
            self.after.standing,
        )


def find_moves(before: Iterable[HealthScore], after: Iterable[HealthScore]) -> list[Move]:
    """Accounts that differ: those that gain or lose a score first, then the largest change first."""
    found = {health.account_id: health for health in after}
    moves = [Move(old.account_id, old, found[old.account_id]) for old in before if old.account_id in found]
    return sorted((move for move in moves if move.is_one), key=_order)


def by_zone(scores: Sequence[HealthScore]) -> Counter[str]:
    """Accounts by zone; those without one by their standing."""
    return Counter(where(health) for health in scores)


def where(health: HealthScore) -> str:
    """The zone, or why there is none."""
    return (health.zone or health.standing).value


def _order(move: Move) -> tuple[bool, float, str]:
    points = move.points
    return points is not None, -abs(points or 0.0), move.account_id
