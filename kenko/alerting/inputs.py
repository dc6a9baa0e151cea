"""Inputs: sentences about single inputs of a score: 'Active users 3, was 12.'"""

from __future__ import annotations

from kenko.alerting.losses import MOST, Loss
from kenko.alerting.words import UNKNOWN, plain, quantity
from schemas.health import CAP_GROUP, OVERRIDE_GROUP, Contribution, centi
from schemas.transition import Receipt, RuleKind

MAX_LABEL = 80
STRONG = 70.0
"""An input of at least this health speaks for an account."""


def name_of(item: Contribution) -> str:
    """The input in words a CSM reads."""
    return plain(item.label, MAX_LABEL) or plain(item.signal, MAX_LABEL)


def measured(item: Contribution, *, compared: bool) -> str:
    """'Active users 3, was 12'; `compared`: with what it was at the reference time."""
    label = name_of(item)
    # 'Active users 3' needs no 'users' after it.
    unit = "" if item.unit.lower() in label.lower() else plain(item.unit, MAX_LABEL)
    text = f"{label}: no data" if item.value is None else f"{label} {quantity(item.value, unit)}"
    if not compared:
        return text
    before = UNKNOWN if item.value_before is None else quantity(item.value_before, "")
    if item.value is not None and before == quantity(item.value, ""):
        return f"{text}, unchanged"
    return f"{text}, was {before}"


def loss_sentence(loss: Loss) -> str:
    """What an input cost."""
    if loss.is_cap:
        return f"{name_of(loss.contribution)} (this caps the score)."
    return f"{measured(loss.contribution, compared=loss.compared)}."


def inputs_about(receipt: Receipt, kind: RuleKind) -> list[Contribution]:
    """The inputs that are about `kind`: of the group, or the signal, that is called so. Those with data, largest first.

    A transition does not say which signals its rule looked at; groups are called by what they measure.
    """
    found = [item for item in receipt.contributions if item.value is not None and kind in (item.group, item.signal)]
    return sorted(found, key=lambda item: (-item.weight, item.group, item.signal))[:MOST]


def strongest(receipt: Receipt) -> list[Contribution]:
    """The inputs that give most of the score, of those that are healthy."""
    found = [
        item
        for item in receipt.contributions
        if item.group not in (CAP_GROUP, OVERRIDE_GROUP) and item.value is not None and (item.health or 0.0) >= STRONG
    ]
    return sorted(found, key=lambda item: (-centi(item.points), item.group, item.signal))[:MOST]


def was_measured(item: Contribution) -> bool:
    """True if there is an earlier value to compare with."""
    return item.value_before is not None
