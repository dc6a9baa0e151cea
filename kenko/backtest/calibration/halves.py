"""Halves: which accounts are learnt from, and which are kept to judge by. An account is never in both."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from kenko.backtest.labels import Labels


@dataclass(frozen=True)
class Halves:
    """Account ids."""

    learnt: frozenset[str]
    held: frozenset[str]
    """Empty: all are learnt from."""


def split(labels: Labels, holdout: float, seed: int) -> Halves:
    """Keep the share `holdout` of those that left, and of those that stayed. The same for the same accounts and seed."""
    held: set[str] = set()
    for has_left in (True, False):
        part = sorted(account for account, label in labels.items() if (label.churn_ms is not None) is has_left)
        held |= _drawn(part, holdout, seed)
    return Halves(frozenset(labels) - held, frozenset(held))


def _drawn(accounts: Sequence[str], share: float, seed: int) -> set[str]:
    # Not secret: whoever knows the seed shall draw the same accounts.
    return set(random.Random(seed).sample(accounts, round(len(accounts) * share)))  # noqa: S311
