"""What each figure means, in words: once, for the terminal, the page and the docs."""

from __future__ import annotations

from math import isnan
from typing import Any, NamedTuple


class Figure(NamedTuple):
    """One figure of a verdict."""

    name: str
    """Its key in the JSON."""
    label: str
    style: str
    """share, number, days or count."""
    meaning: str
    better: int = 0
    """1: more is better; -1: less is; 0: neither."""


FIGURES = (
    Figure(
        "auc",
        "ROC AUC",
        "number",
        "How often an account that left within 30 days had the lower score than one that stayed; a tie is half. 0.5 is chance.",
        1,
    ),
    Figure(
        "auc_ci95_account_bootstrap",
        "… 95% interval",
        "number",
        "Of 200 bootstraps that draw accounts, not observations. Models whose intervals overlap much may be equally good.",
    ),
    Figure(
        "average_precision",
        "Average precision",
        "number",
        "Going up from the lowest score: the share of leavers so far, as a mean over the leavers. Chance is the base rate.",
        1,
    ),
    Figure(
        "base_rate", "Base rate", "share", "Scored observations followed by churn within 30 days, of all scored ones."
    ),
    Figure(
        "top_decile_lift",
        "Top-decile lift",
        "number",
        "Churn rate of the riskiest tenth over that of all; ties at the boundary count pro rata. 1 is chance.",
        1,
    ),
    Figure(
        "observations",
        "Observations",
        "count",
        "Looks at an account: every 30 days each that is at least 28 days old, not gone, and watched 30 days more.",
    ),
    Figure(
        "positives", "… scored, then churn", "count", "Observations with a score whose account left within 30 days.", 0
    ),
    Figure(
        "unscored", "… without a score", "count", "The account was new or unknown until then. They are in no rank.", -1
    ),
    Figure(
        "unscored_positives",
        "… without one, then churn",
        "count",
        "Observations without a score whose account left within 30 days: no score could tell.",
        -1,
    ),
    Figure(
        "auc_unscored_as_median",
        "ROC AUC, all observations",
        "number",
        "As above, with the median score for those without one. A dash where all have one.",
        1,
    ),
    Figure(
        "churned_alerted_in_window",
        "Churned, alerted before",
        "share",
        "Churned accounts with an alert in the 60 days before they left. Means little without the next line.",
        1,
    ),
    Figure(
        "chance_churned_alerted_in_window",
        "… by chance",
        "share",
        "The same, had every account got another account's alerts: what alarms at random times would reach.",
    ),
    Figure(
        "churned_alerted_with_min_lead",
        "… with 7 days to act",
        "share",
        "As above, with the first of these alerts at least 7 days ahead.",
        1,
    ),
    Figure("lead_days_median", "Median lead time, days", "days", "From the first alert in these 60 days to the churn."),
    Figure(
        "false_alarms_per_nonchurned_account_year",
        "False alarms",
        "number",
        "Alerts a year, for each account that never left.",
        -1,
    ),
    Figure(
        "alert_precision",
        "Alert precision",
        "share",
        "Alerts followed by churn within 60 days. One whose account was not watched that long does not count.",
        1,
    ),
    Figure("precision_base_rate", "… by chance", "share", "The same for days taken at random."),
    Figure(
        "red_alerts",
        "Alerts",
        "count",
        "Of the red zone and all rules but those of growth, while the account was a customer and watched.",
    ),
    Figure(
        "zone_hazard_ratio_red_vs_not",
        "Churn rate, red ÷ not red",
        "number",
        "Who is in the red zone leaves so many times as often as who is not. 1 is chance.",
        1,
    ),
    Figure(
        "zone_churn_per_account_year_red",
        "… red",
        "number",
        "Leavers for each year that an account spends in the red zone.",
    ),
    Figure("zone_churn_per_account_year_not_red", "… not red", "number", "The same outside of it."),
    Figure(
        "zone_share_of_account_time_red", "Time in red", "share", "Of the time of all accounts, from their 28th day on."
    ),
)


def shown(style: str, value: Any) -> str:
    """A figure as people read it; a dash for one that does not exist."""
    if isinstance(value, list | tuple):
        return " to ".join(shown(style, part) for part in value)
    if value is None or (isinstance(value, float) and isnan(value)):
        return "–"  # noqa: RUF001 - a dash
    if style == "count":
        return f"{value:,.0f}"
    if style == "share":
        return f"{value:.1%}"
    return f"{value:.1f}" if style == "days" else f"{value:.3f}"


def shown_difference(figure: Figure, first: Any, second: Any) -> str:
    """Second less first, with its sign; percentage points for shares."""
    if not isinstance(first, int | float) or not isinstance(second, int | float):
        return ""
    delta = second - first
    if isnan(delta):
        return ""
    match figure.style:
        case "count":
            return f"{delta:+,.0f}"
        case "share":
            return f"{delta * 100:+.1f} pp"
        case "days":
            return f"{delta:+.1f}"
        case _:
            return f"{delta:+.3f}"
