"""Losses: which inputs cost the account its points, largest first."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.health import CAP_GROUP, OVERRIDE_GROUP, Contribution, centi
from schemas.transition import Receipt

MOST = 3
"""More than three reasons is none."""


@dataclass(frozen=True, slots=True)
class Loss:
    """One input and what it cost, in hundredths of a point.

    `compared`: against the receipt's reference; otherwise against full health, because there is no reference.
    """

    contribution: Contribution
    centi_points: int
    compared: bool

    @property
    def is_cap(self) -> bool:
        """A cap is no input: it takes points away from all of them."""
        return self.contribution.group == CAP_GROUP


def largest_losses(receipt: Receipt, most: int = MOST) -> list[Loss]:
    """At most `most` losses, largest first; ties by group and signal, so the words are the same every time.

    What a person set by hand is none of an input's.

    With a reference: points then minus points now. Without one: how far the input is from full health, by weight.
    """
    measure = _against_full_health if receipt.reference_score is None else _against_reference
    found = [measure(item) for item in receipt.contributions if item.group != OVERRIDE_GROUP]
    real = [loss for loss in found if loss.centi_points > 0]
    real.sort(key=lambda loss: (-loss.centi_points, loss.contribution.group, loss.contribution.signal))
    return real[:most]


def _against_reference(item: Contribution) -> Loss:
    before = centi(item.points_before) if item.points_before is not None else 0
    return Loss(item, before - centi(item.points), compared=item.points_before is not None)


def _against_full_health(item: Contribution) -> Loss:
    if item.group == CAP_GROUP:
        return Loss(item, -centi(item.points), compared=False)
    # No data says nothing about the account; its weight has gone to the other inputs, or is held against it here.
    health = 0.0 if item.health is None else item.health
    return Loss(item, centi(item.weight * (100 - health)), compared=False)
