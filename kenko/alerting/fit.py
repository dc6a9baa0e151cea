"""Fit: an alert small enough for a message, its contributions still adding up."""

from __future__ import annotations

from schemas.alert import Alert
from schemas.health import Contribution, Points, centi


def folded(alert: Alert, keep: int) -> Alert:
    """`alert` with its `keep` weightiest contributions; the others become one, so that the sum stays the score."""
    items = alert.receipt.contributions
    if len(items) <= keep:
        return alert
    ranked = sorted(range(len(items)), key=lambda i: (-_weight(items[i]), i))
    kept = sorted(ranked[:keep])
    rest = [items[i] for i in ranked[keep:]]
    contributions = (*(items[i] for i in kept), _sum_of(rest))
    receipt = alert.receipt.model_copy(update={"contributions": contributions})
    return alert.model_copy(update={"receipt": receipt})


def _weight(item: Contribution) -> int:
    """What makes an input worth showing, in hundredths: what it gives or takes, and how far it moved."""
    moved = 0 if item.points_before is None else centi(item.points) - centi(item.points_before)
    return abs(centi(item.points)) + abs(moved)


def _sum_of(items: list[Contribution]) -> Contribution:
    before: Points | None = None
    if any(item.points_before is not None for item in items):
        before = sum(centi(item.points_before or 0) for item in items) / 100
    return Contribution(
        group="other",
        signal="other",
        label=f"{len(items)} other inputs",
        value=None,
        health=None,
        weight=min(sum(item.weight for item in items), 1.0),
        points=sum(centi(item.points) for item in items) / 100,
        points_before=before,
    )
