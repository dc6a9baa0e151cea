"""The plots of a back-test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from kenko.backtest.definitions import shown
from kenko.backtest.report.svg import BAD, COLORS, GOOD, INK, LINES, legend_above, plot
from kenko.backtest.verdict import Terms, Verdict
from schemas.base import from_ms


class Plot(NamedTuple):
    """One figure of the page."""

    title: str
    svg: str
    caption: str


def plots(verdicts: Sequence[Verdict], terms: Terms) -> list[Plot]:
    """All that have something to show."""
    found: list[Plot] = []
    if any(verdict.score.scored for verdict in verdicts):
        found += [_distributions(verdicts, terms), _fifths(verdicts, terms)]
    if any(verdict.reliability for verdict in verdicts):
        found.append(_reliability(verdicts))
    if any(verdict.alerts.lead_days for verdict in verdicts):
        found.append(_leads(verdicts, terms))
    if any(verdict.workload.by_week for verdict in verdicts):
        found.append(_weeks(verdicts, terms))
    return found


def _distributions(verdicts: Sequence[Verdict], terms: Terms) -> Plot:
    days = terms.grid.horizon_ms // 86_400_000

    def draw(*axes: Axes) -> None:
        for ax, verdict in zip(axes, verdicts, strict=True):
            for left, color, name in ((False, GOOD, "stayed"), (True, BAD, f"left within {days} days")):
                scores = [o.score for o in verdict.observations if o.score is not None and o.left is left]
                if scores:
                    share = [1 / len(scores)] * len(scores)
                    bins = [5.0 * i for i in range(21)]
                    ax.hist(scores, bins=bins, weights=share, color=color, alpha=0.55, label=name)
            ax.set(xlabel="score", xlim=(0, 100))
            if len(verdicts) > 1:
                ax.set_title(verdict.name)
            ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes[0].set_ylabel("share of each kind")
        legend_above(axes[0])

    said = "; ".join(f"{v.name}: AUC {shown('number', v.score.auc)}" for v in verdicts)
    return Plot(
        "Scores of those who left and those who stayed",
        plot("scores", f"Histogram of scores before churn and otherwise. {said}.", draw, columns=len(verdicts)),
        "A score that knows something has the two apart: those who leave on the left. Each kind adds up to 100%.",
    )


def _fifths(verdicts: Sequence[Verdict], terms: Terms) -> Plot:
    days = terms.grid.horizon_ms // 86_400_000

    def draw(ax: Axes) -> None:
        for verdict, color, line in zip(verdicts, COLORS, LINES, strict=False):
            fifths = verdict.score.calibration_by_score_quintile
            at = list(range(1, len(fifths) + 1))
            rates = [fifth.churn_rate for fifth in reversed(fifths)]
            ax.plot(at, rates, color=color, linestyle=line, marker="o", label=verdict.name)
        ax.axhline(verdicts[0].score.base_rate, color=INK, linewidth=0.8, linestyle=":", label="all")
        ax.set(xlabel="fifth of the observations, by score", ylabel=f"left within {days} days")
        ax.set_xticks(range(1, 6), _fifth_names(verdicts))
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
        ax.set_ylim(bottom=0)
        legend_above(ax)

    said = "; ".join(
        f"{v.name}: "
        + ", ".join(
            f"{f.score_from:g} to {f.score_to:g}: {f.churn_rate:.1%}"
            for f in reversed(v.score.calibration_by_score_quintile)
        )
        for v in verdicts
    )
    return Plot(
        "Churn by fifth of the scores",
        plot("fifths", f"Churn rate by fifth of the scores. {said}.", draw),
        "It should fall from left to right. The dotted line is the churn of all scored observations.",
    )


def _fifth_names(verdicts: Sequence[Verdict]) -> list[str]:
    """The scores of each fifth, the lowest first; two models have different ones, so then only the order."""
    if len(verdicts) > 1:
        return ["lowest", "2nd", "3rd", "4th", "highest"]
    fifths = reversed(verdicts[0].score.calibration_by_score_quintile)
    return [f"{fifth.score_from:.0f} to {fifth.score_to:.0f}" for fifth in fifths]


def _reliability(verdicts: Sequence[Verdict]) -> Plot:
    def draw(ax: Axes) -> None:
        most = 0.0
        for verdict, color, line in zip(verdicts, COLORS, LINES, strict=False):
            if verdict.reliability is None:
                continue
            bins = verdict.reliability.bins
            most = max(most, *(max(b.predicted, b.observed) for b in bins))
            ax.plot(
                [b.predicted for b in bins],
                [b.observed for b in bins],
                color=color,
                linestyle=line,
                marker="o",
                label=verdict.name,
            )
        ax.plot([0, most], [0, most], color=INK, linewidth=0.8, linestyle=":", label="as predicted")
        ax.set(xlabel="predicted probability of leaving", ylabel="share that left")
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        legend_above(ax)

    known = [(v.name, v.reliability) for v in verdicts if v.reliability is not None]
    said = "; ".join(
        f"{name}: Brier score {r.brier:.4f}, of the base rate {r.brier_base_rate:.4f}" for name, r in known
    )
    return Plot(
        f"Predicted and observed, within {known[0][1].within_days:g} days",
        plot("reliability", f"Predicted against observed probability. {said}.", draw),
        f"Points on the line mean what they say. {said}.",
    )


def _leads(verdicts: Sequence[Verdict], terms: Terms) -> Plot:
    window = terms.rules.window_ms // 86_400_000

    def draw(ax: Axes) -> None:
        bins = [window * i / 12 for i in range(13)]
        kept = [(v, c) for v, c in zip(verdicts, COLORS, strict=False) if v.alerts.lead_days]
        ax.hist(
            [list(v.alerts.lead_days) for v, _ in kept],
            bins=bins,
            color=[c for _, c in kept],
            label=[v.name for v, _ in kept],
        )
        ax.set(xlabel="days from the first alert to the churn", ylabel="churned accounts", xlim=(0, window))
        legend_above(ax)

    said = "; ".join(
        f"{v.name}: {len(v.alerts.lead_days)} accounts, median {shown('days', v.alerts.lead_days_median)} days"
        for v in verdicts
    )
    return Plot(
        "Lead time",
        plot("leads", f"Histogram of lead times. {said}.", draw),
        f"Churned accounts with an alert in the {window} days before: more to the right is more time to act. {said}.",
    )


def _weeks(verdicts: Sequence[Verdict], terms: Terms) -> Plot:
    start = from_ms(min(label.start_ms for label in terms.labels.values()))

    def draw(ax: Axes) -> None:
        for verdict, color, line in zip(verdicts, COLORS, LINES, strict=False):
            weeks = verdict.workload.by_week
            ax.step(range(1, len(weeks) + 1), weeks, where="mid", color=color, linestyle=line, label=verdict.name)
        ax.set(
            xlabel=f"week from {start:%Y-%m-%d} on",
            ylabel="alerts told",
            xlim=(0.5, max(len(verdict.workload.by_week) for verdict in verdicts) + 0.5),
        )
        ax.set_ylim(bottom=0)
        legend_above(ax)

    said = "; ".join(
        f"{v.name}: {sum(v.workload.by_week) / v.workload.weeks:.1f} a week, "
        f"{max(v.workload.by_week, default=0)} in the busiest"
        for v in verdicts
    )
    return Plot(
        "Alerts a week",
        plot("weeks", f"Alerts told in each week. {said}.", draw),
        f"What would have been sent, after cooldown, good news (rules of growth) included. {said}.",
    )
