"""Workload: how many alerts each owner would have got a week. Alerts people keep switched on are few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kenko.backtest.expected import ExpectedAlert
from kenko.backtest.labels import Labels
from kenko.backtest.plan import DAY_MS
from schemas.base import to_ms

WEEK_MS = 7 * DAY_MS
NOBODY = "nobody"
"""Stands for the owner of accounts that have none."""


@dataclass(frozen=True)
class OwnerLoad:
    """Alerts of which one owner would have been told."""

    owner: str
    alerts: int
    per_week: float
    busiest_week: int


@dataclass(frozen=True)
class Workload:
    """Alerts by owner and week, and those that were kept back."""

    weeks: float
    owners: tuple[OwnerLoad, ...]
    """The busiest first."""
    by_week: tuple[int, ...]
    """Alerts told in each week of the run, all owners together."""
    kept_back: dict[str, int]
    """By reason."""


def workload(alerts: Sequence[ExpectedAlert], labels: Labels, end_ms: int) -> Workload:
    """Of a run that ends at `end_ms`; weeks count from the earliest start.

    Alerts of an account that is no longer watched are left out: a data set that ends looks like a customer that falls
    silent.
    """
    start_ms = min(label.start_ms for label in labels.values())
    alerts = [item for item in alerts if to_ms(item.alert.opened_at) <= labels[item.alert.account_id].until_ms]
    weeks = max((end_ms - start_ms) / WEEK_MS, 1 / 7)
    by_week: Counter[int] = Counter()
    by_owner: dict[str, Counter[int]] = {}
    for item in alerts:
        if item.told:
            week = (to_ms(item.alert.opened_at) - start_ms) // WEEK_MS
            by_week[week] += 1
            by_owner.setdefault(item.owner or NOBODY, Counter())[week] += 1
    owners = [
        OwnerLoad(owner, found.total(), found.total() / weeks, max(found.values())) for owner, found in by_owner.items()
    ]
    last = max([-(-(end_ms - start_ms) // WEEK_MS) - 1, *by_week])
    return Workload(
        weeks=weeks,
        owners=tuple(sorted(owners, key=lambda load: (-load.alerts, load.owner))),
        by_week=tuple(by_week[week] for week in range(last + 1)),
        kept_back=dict(Counter(item.reason.value for item in alerts if not item.told)),
    )
