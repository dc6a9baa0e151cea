"""Parent accounts: the health of a group of accounts, weighed by what each pays. Read-side only: no fold needs it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from kenko.engine.weights import Shares, split_points
from schemas.health import Standing, Zone


class Child(NamedTuple):
    """An account of a parent."""

    account_id: str
    standing: Standing
    score: int | None
    """Hundredths of a point."""
    zone: Zone | None
    mrr: float | None
    """Recurring revenue a month; None: not known."""
    name: str | None = None
    """What people call it."""


class Share(NamedTuple):
    """What a child adds to its parent's score."""

    child: Child
    weight: float
    """0 to 1."""
    points: int
    """Hundredths; the points of all children add up to the score."""


class RollUp(NamedTuple):
    """The health of a parent."""

    score: int | None
    """Hundredths; None where no child has a score."""
    worst: Zone | None
    """The worst zone of a child: a mean can hide it."""
    mrr: float
    """Of all children with a contract, as far as it is known."""
    mrr_in_red: float
    shares: tuple[Share, ...]
    """Largest weight first; children without a score, and those that left, have none."""


_RANK = (Zone.RED, Zone.YELLOW, Zone.GREEN)


def roll_up(children: Iterable[Child]) -> RollUp:
    """The mean score of the children, each weighed by its revenue.

    A child whose revenue is not known weighs as the mean of those that are; where none is known, or all pay nothing,
    all weigh the same. Children that have churned, or have no score, take no part in the score.
    """
    there = [child for child in children if child.standing is not Standing.CHURNED]
    scored = sorted((child for child in there if child.score is not None), key=lambda child: child.account_id)
    shares = _shares(scored)
    score, points = split_points(shares, [child.score or 0 for child in scored]) if scored else (None, [])
    zones = {child.zone for child in there}
    parts = [
        Share(child, part / shares.whole, amount)
        for child, part, amount in zip(scored, shares.parts, points, strict=True)
    ]
    return RollUp(
        score=score,
        worst=next((zone for zone in _RANK if zone in zones), None),
        mrr=sum(child.mrr or 0.0 for child in there),
        mrr_in_red=sum(child.mrr or 0.0 for child in there if child.zone is Zone.RED),
        shares=tuple(sorted(parts, key=lambda share: (-share.weight, share.child.account_id))),
    )


def _shares(scored: Sequence[Child]) -> Shares:
    known = [Fraction(str(child.mrr)) for child in scored if child.mrr is not None and child.mrr > 0]
    if not known:
        return Shares((1,) * len(scored), max(1, len(scored)))
    mean = sum(known, Fraction(0)) / len(known)
    amounts = [mean if child.mrr is None else max(Fraction(0), Fraction(str(child.mrr))) for child in scored]
    whole = lcm(*(amount.denominator for amount in amounts))
    parts = tuple(int(amount * whole) for amount in amounts)
    return Shares(parts, sum(parts))
