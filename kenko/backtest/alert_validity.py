"""Do alerts precede churn, and what do they cost? Figures of alerts against labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from kenko.backtest.labels import Label, Labels
from kenko.backtest.plan import DAY_MS
from kenko.backtest.ranking import quantile
from kenko.runtime.errors import ConfigurationError

RISK_KINDS = r"^(?!.*(recover|clear|resolv|exit|green|\bok\b)).*$"
"""Kinds that say an account is at risk: all but those that say it no longer is."""
YEAR_DAYS = 365.25
CHANCES = 100


class AlertRow(NamedTuple):
    """A line of the alerts file."""

    account_id: str
    time_ms: int
    kind: str


@dataclass(frozen=True)
class AlertRules:
    """What counts. Times in milliseconds."""

    window_ms: int = 60 * DAY_MS
    """How long before the churn an alert is a hit."""
    min_lead_ms: int = 7 * DAY_MS
    """A later one came too late to act."""
    tenure_ms: int = 28 * DAY_MS
    kinds: str = RISK_KINDS

    def pattern(self) -> re.Pattern[str]:
        """Which kinds count. Raises ConfigurationError for what is no regular expression."""
        try:
            return re.compile(self.kinds, re.IGNORECASE)
        except re.error as error:
            raise ConfigurationError(f"kinds: {self.kinds!r} is no regular expression: {error}") from None


@dataclass(frozen=True)
class AlertFigures:
    """Shares are 0 to 1, leads are days. Figures that do not exist are NaN."""

    red_alerts: int
    alerts_after_churn_or_end: int
    alerts_before_start: int
    alerts_unknown_account: int
    accounts_alerted: int
    churned_accounts_eligible: int
    churned_alerted_any_time: float
    churned_alerted_in_window: float
    chance_churned_alerted_in_window: float
    churned_alerted_with_min_lead: float
    lead_days_median: float
    lead_days_p25: float
    lead_days_p75: float
    nonchurned_accounts: int
    nonchurned_account_years: float
    false_alarms_per_nonchurned_account_year: float
    nonchurned_ever_alerted: float
    alert_precision: float
    precision_base_rate: float
    precision_lift: float
    alerts_censored: int
    lead_days: tuple[float, ...]
    """Of each churned account that was alerted in the window, in the labels' order."""


def alert_figures(rows: Sequence[AlertRow], labels: Labels, random: Random, rules: AlertRules) -> AlertFigures:
    """The figures of one model's alerts; `random` draws what chance would have reached."""
    risky = rules.pattern()
    sorted_out = _sort_out([row for row in rows if risky.match(row.kind)], labels)
    alerts = sorted_out.alerts
    churned = {
        account_id: label.churn_ms
        for account_id, label in labels.items()
        if label.churn_ms is not None and label.churn_ms - label.start_ms >= rules.tenure_ms
    }
    stayed = {account_id: label for account_id, label in labels.items() if label.churn_ms is None}
    firsts = {a: _first(alerts.get(a, ()), churn - rules.window_ms) for a, churn in churned.items()}
    lead = tuple((churned[a] - first) / DAY_MS for a, first in firsts.items() if first is not None)
    years = sum((label.until_ms - label.start_ms) / DAY_MS / YEAR_DAYS for label in stayed.values())
    false_alarms = sum(len(alerts.get(a, ())) for a in stayed)
    right, wrong, censored = _precision(alerts, labels, rules.window_ms)
    precision, base = right / max(1, right + wrong), _base_rate(labels.values(), rules.window_ms)
    eligible = max(1, len(churned))
    return AlertFigures(
        red_alerts=sum(map(len, alerts.values())),
        alerts_after_churn_or_end=sorted_out.after,
        alerts_before_start=sorted_out.before,
        alerts_unknown_account=sorted_out.unknown,
        accounts_alerted=len(alerts),
        churned_accounts_eligible=len(churned),
        churned_alerted_any_time=sum(a in alerts for a in churned) / eligible,
        churned_alerted_in_window=len(lead) / eligible,
        chance_churned_alerted_in_window=_chance(alerts, labels, churned, random, rules.window_ms),
        churned_alerted_with_min_lead=sum(days >= rules.min_lead_ms / DAY_MS for days in lead) / eligible,
        lead_days_median=quantile(lead, 0.5),
        lead_days_p25=quantile(lead, 0.25),
        lead_days_p75=quantile(lead, 0.75),
        nonchurned_accounts=len(stayed),
        nonchurned_account_years=years,
        false_alarms_per_nonchurned_account_year=_ratio(false_alarms, years),
        nonchurned_ever_alerted=_ratio(sum(a in alerts for a in stayed), len(stayed)),
        alert_precision=precision,
        precision_base_rate=base,
        precision_lift=_ratio(precision, base),
        alerts_censored=censored,
        lead_days=lead,
    )


class _SortedOut(NamedTuple):
    alerts: dict[str, list[int]]
    """Those while the account was a customer and watched, by time."""
    after: int
    before: int
    unknown: int


def _sort_out(rows: Sequence[AlertRow], labels: Labels) -> _SortedOut:
    alerts: dict[str, list[int]] = {}
    after = before = unknown = 0
    for row in rows:
        label = labels.get(row.account_id)
        if label is None:
            unknown += 1
        elif (label.churn_ms is not None and row.time_ms >= label.churn_ms) or row.time_ms > label.until_ms:
            after += 1
        elif row.time_ms < label.start_ms:
            before += 1
        else:
            alerts.setdefault(row.account_id, []).append(row.time_ms)
    for times in alerts.values():
        times.sort()
    return _SortedOut(alerts, after, before, unknown)


def _first(times: Sequence[int], from_ms: int) -> int | None:
    return next((time_ms for time_ms in times if time_ms >= from_ms), None)


def _precision(alerts: Mapping[str, Sequence[int]], labels: Labels, window_ms: int) -> tuple[int, int, int]:
    """Alerts followed by churn within the window, those that were not, and those nobody watched long enough."""
    right = wrong = censored = 0
    for account_id, times in alerts.items():
        label = labels[account_id]
        for time_ms in times:
            if label.churn_ms is not None and label.churn_ms <= time_ms + window_ms:
                right += 1
            elif time_ms + window_ms <= label.until_ms:
                wrong += 1
            else:
                censored += 1
    return right, wrong, censored


def _base_rate(labels: Iterable[Label], window_ms: int) -> float:
    """How often a day taken at random, a week apart, is followed by churn within the window."""
    days = followed = 0
    for label in labels:
        churn_ms = label.churn_ms
        end_ms = label.until_ms - window_ms if churn_ms is None else churn_ms
        for time_ms in range(label.start_ms, end_ms, 7 * DAY_MS):
            if churn_ms is not None and churn_ms <= time_ms + window_ms:
                days += 1
                followed += 1
            elif time_ms + window_ms <= label.until_ms:
                days += 1
    return followed / max(1, days)


def _chance(
    alerts: Mapping[str, Sequence[int]], labels: Labels, churned: Mapping[str, int], random: Random, window_ms: int
) -> float:
    """The share of hits if every account had another account's history of alerts, counted from its own start."""
    ids = list(labels)
    ages = {a: [time_ms - labels[a].start_ms for time_ms in times] for a, times in alerts.items()}
    shares: list[float] = []
    for _ in range(CHANCES):
        others = ids[:]
        random.shuffle(others)
        given = dict(zip(ids, others, strict=True))
        hits = 0
        for account_id, churn_ms in churned.items():
            age_ms = churn_ms - labels[account_id].start_ms
            hits += any(age_ms - window_ms <= age < age_ms for age in ages.get(given[account_id], ()))
        shares.append(hits / max(1, len(churned)))
    return sum(shares) / len(shares)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
