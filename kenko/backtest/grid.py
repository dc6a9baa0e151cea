"""Grid: at which times accounts are looked at, who counts then, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kenko.backtest.labels import Label, Labels
from kenko.backtest.plan import DAY_MS


@dataclass(frozen=True)
class Grid:
    """Every `step_ms` from the earliest start on; the defaults are those of the published figures."""

    step_ms: int = 30 * DAY_MS
    horizon_ms: int = 30 * DAY_MS
    """How far ahead is looked: left within this time, or not."""
    tenure_ms: int = 28 * DAY_MS
    """A younger account does not count."""

    def times(self, labels: Iterable[Label]) -> list[int]:
        """Those from which on somebody was watched for a whole horizon."""
        known = list(labels)
        start = min(label.start_ms for label in known)
        end = max(label.until_ms for label in known)
        return list(range(start + self.step_ms, end - self.horizon_ms + 1, self.step_ms))

    def counts(self, label: Label, time_ms: int) -> bool:
        """True if the account is old enough, has not left, and is watched for a whole horizon."""
        is_there = label.churn_ms is None or label.churn_ms > time_ms
        return label.start_ms + self.tenure_ms <= time_ms and is_there and time_ms + self.horizon_ms <= label.until_ms

    def left(self, label: Label, time_ms: int) -> bool:
        """True if an account that counts left within the horizon."""
        return label.churn_ms is not None and label.churn_ms <= time_ms + self.horizon_ms

    def rows(self, labels: Labels) -> Iterator[tuple[str, int, bool]]:
        """(account, time, left): by time, then in the labels' order."""
        for time_ms in self.times(labels.values()):
            for account_id, label in labels.items():
                if self.counts(label, time_ms):
                    yield account_id, time_ms, self.left(label, time_ms)
