"""Do accounts leave sooner while they are red? Figures of the time between a red alert and its recovery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kenko.backtest.alert_validity import YEAR_DAYS, AlertRow, AlertRules
from kenko.backtest.labels import Label, Labels
from kenko.backtest.plan import DAY_MS
from kenko.backtest.ranking import quantile

_YEAR_MS = DAY_MS * YEAR_DAYS


@dataclass(frozen=True)
class RedFigures:
    """An account is red from an alert to the next row that says it recovered, to churn, or to the end. Leads are days."""

    share_of_account_time_red: float
    churn_per_account_year_red: float
    churn_per_account_year_not_red: float
    hazard_ratio_red_vs_not: float
    churned_red_at_churn: float
    churned_red_in_window_min_lead: float
    open_episode_lead_days_median: float
    open_episode_lead_days_p25: float
    open_episode_lead_days_p75: float


def red_figures(rows: Sequence[AlertRow], labels: Labels, rules: AlertRules) -> RedFigures | None:
    """None where no row says that an account recovered: then nobody knows how long it was red."""
    risky = rules.pattern()
    switches: dict[str, list[tuple[int, bool]]] = {}
    for row in rows:
        label = labels.get(row.account_id)
        if label is not None and label.start_ms <= row.time_ms <= _end(label):
            switches.setdefault(row.account_id, []).append((row.time_ms, bool(risky.match(row.kind))))
    if all(is_red for times in switches.values() for _, is_red in times):
        return None
    red_ms = all_ms = 0
    churned = red_at_churn = red_in_window = 0
    leads: list[float] = []
    for account_id, label in labels.items():
        from_ms, end_ms = label.start_ms + rules.tenure_ms, _end(label)
        if end_ms <= from_ms:
            continue
        episodes, open_ms = _episodes(switches.get(account_id, []), end_ms)
        all_ms += end_ms - from_ms
        red_ms += sum(max(0, until_ms - max(since_ms, from_ms)) for since_ms, until_ms in episodes)
        if label.churn_ms is None:
            continue
        churned += 1
        if open_ms is not None:
            red_at_churn += 1
            leads.append((label.churn_ms - open_ms) / DAY_MS)
        too_late, too_early = label.churn_ms - rules.min_lead_ms, label.churn_ms - rules.window_ms
        red_in_window += any(since_ms <= too_late and until_ms >= too_early for since_ms, until_ms in episodes)
    red_rate = red_at_churn / (red_ms / _YEAR_MS) if red_ms else float("nan")
    other_rate = (churned - red_at_churn) / ((all_ms - red_ms) / _YEAR_MS) if all_ms > red_ms else float("nan")
    return RedFigures(
        share_of_account_time_red=red_ms / all_ms if all_ms else float("nan"),
        churn_per_account_year_red=red_rate,
        churn_per_account_year_not_red=other_rate,
        hazard_ratio_red_vs_not=red_rate / other_rate if other_rate else float("nan"),
        churned_red_at_churn=red_at_churn / max(1, churned),
        churned_red_in_window_min_lead=red_in_window / max(1, churned),
        open_episode_lead_days_median=quantile(leads, 0.5),
        open_episode_lead_days_p25=quantile(leads, 0.25),
        open_episode_lead_days_p75=quantile(leads, 0.75),
    )


def _end(label: Label) -> int:
    return label.until_ms if label.churn_ms is None else label.churn_ms


def _episodes(switches: list[tuple[int, bool]], end_ms: int) -> tuple[list[tuple[int, int]], int | None]:
    """Stays in red, and when the one that is still open began."""
    found: list[tuple[int, int]] = []
    since_ms: int | None = None
    for time_ms, is_red in sorted(switches):
        if is_red and since_ms is None:
            since_ms = time_ms
        elif not is_red and since_ms is not None:
            found.append((since_ms, time_ms))
            since_ms = None
    if since_ms is not None:
        found.append((since_ms, end_ms))
    return found, since_ms
