"""Does a low score precede churn? Figures of a score against labels, by the definitions of /docs/backtest.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from kenko.backtest.labels import Labels
from kenko.backtest.ranking import Ranks, auc, average_precision, quantile, top_lift
from kenko.backtest.table import Observation

BOOTSTRAPS = 200
QUINTILES = 5


@dataclass(frozen=True)
class Quintile:
    """A fifth of the scored observations, the healthiest first."""

    score_from: float
    score_to: float
    n: int
    churn_rate: float


@dataclass(frozen=True)
class ScoreFigures:
    """Figures that do not exist (nobody left, nobody was scored) are NaN."""

    accounts: int
    churned_accounts: int
    observations: int
    scored: int
    positives: int
    """Scored observations that were followed by churn within the horizon."""
    base_rate: float
    unscored: int
    unscored_positives: int
    auc: float
    auc_ci95_account_bootstrap: tuple[float, float]
    auc_unscored_as_median: float
    average_precision: float
    top_decile_lift: float
    calibration_by_score_quintile: tuple[Quintile, ...]


def score_figures(
    observations: Sequence[Observation], labels: Labels, random: Random, *, bootstraps: int = BOOTSTRAPS
) -> ScoreFigures:
    """The figures of one model.

    Args:
        observations: by time, then in the labels' order.
        labels: of all accounts.
        random: of the bootstrap, which draws accounts and not observations: those of one account go together.
        bootstraps: how many.
    """
    scored = [(item, item.score) for item in observations if item.score is not None]
    left = [item.left for item, _ in scored]
    risk = [100.0 - score for _, score in scored]
    unscored = [item.left for item in observations if item.score is None]
    median = quantile(risk, 0.5)
    return ScoreFigures(
        accounts=len(labels),
        churned_accounts=sum(label.churn_ms is not None for label in labels.values()),
        observations=len(observations),
        scored=len(scored),
        positives=sum(left),
        base_rate=sum(left) / max(1, len(left)),
        unscored=len(unscored),
        unscored_positives=sum(unscored),
        auc=auc(left, risk),
        auc_ci95_account_bootstrap=_interval(left, risk, [item.account_id for item, _ in scored], random, bootstraps),
        auc_unscored_as_median=auc(left + unscored, risk + [median] * len(unscored)),
        average_precision=average_precision(left, risk),
        top_decile_lift=top_lift(left, risk),
        calibration_by_score_quintile=_quintiles(left, risk),
    )


def _interval(
    left: Sequence[bool], risk: Sequence[float], accounts: Sequence[str], random: Random, bootstraps: int
) -> tuple[float, float]:
    """95% of the bootstrap's AUCs lie between the two."""
    places: dict[str, list[int]] = {}
    for i, account_id in enumerate(accounts):
        places.setdefault(account_id, []).append(i)
    drawn_from = list(places.values())
    ranks = Ranks(left, risk)
    found: list[float] = []
    if any(left):
        for _ in range(bootstraps):
            times = [0] * len(left)
            for _ in drawn_from:
                for i in drawn_from[random.randrange(len(drawn_from))]:
                    times[i] += 1
            found.append(ranks.auc(times))
    found = [value for value in found if value == value]  # noqa: PLR0124 - NaN: nobody who left was drawn
    return quantile(found, 0.025), quantile(found, 0.975)


def _quintiles(left: Sequence[bool], risk: Sequence[float]) -> tuple[Quintile, ...]:
    order = sorted(range(len(risk)), key=risk.__getitem__)
    found: list[Quintile] = []
    for number in range(QUINTILES):
        part = order[len(order) * number // QUINTILES : len(order) * (number + 1) // QUINTILES]
        if not part:
            continue
        found.append(
            Quintile(
                score_from=round(100 - max(risk[i] for i in part), 2),
                score_to=round(100 - min(risk[i] for i in part), 2),
                n=len(part),
                churn_rate=sum(left[i] for i in part) / len(part),
            )
        )
    return tuple(found)
