"""Does the probability mean what it says? What was predicted beside what was observed, over the model's own horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kenko.backtest.grid import Grid
from kenko.backtest.labels import Labels
from kenko.backtest.looking import Look

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Observations with a similar probability."""

    predicted: float
    """Mean probability."""
    observed: float
    """Share that left."""
    n: int


@dataclass(frozen=True)
class Reliability:
    """Of one calibrated model."""

    within_days: float
    observations: int
    brier: float
    """Mean squared error of the probability: less is better."""
    brier_base_rate: float
    """The same for someone who says the base rate of everybody: a model above it knows less than nothing."""
    bins: tuple[Bin, ...]
    """The safest first; about as many observations in each, those of one probability together."""


def reliability(looks: Sequence[Look], labels: Labels, grid: Grid, within_ms: int) -> Reliability | None:
    """None where no account that counts has a probability. `grid` with another horizon: that of the calibration."""
    grid = replace(grid, horizon_ms=within_ms)
    said = {(item.account_id, item.time_ms): item.probability for item in looks if item.score is not None}
    pairs = [(said.get((account_id, time_ms)), left) for account_id, time_ms, left in grid.rows(labels)]
    known = sorted((probability, left) for probability, left in pairs if probability is not None)
    if not known:
        return None
    base = sum(left for _, left in known) / len(known)
    return Reliability(
        within_days=within_ms / 86_400_000,
        observations=len(known),
        brier=sum((probability - left) ** 2 for probability, left in known) / len(known),
        brier_base_rate=base * (1 - base),
        bins=_bins(known),
    )


def _bins(known: Sequence[tuple[float, bool]]) -> tuple[Bin, ...]:
    found: list[Bin] = []
    start = 0
    while start < len(known):
        end = min(start + max(1, -(-len(known) // BINS)), len(known))
        while end < len(known) and known[end][0] == known[end - 1][0]:
            end += 1
        part = known[start:end]
        found.append(Bin(sum(p for p, _ in part) / len(part), sum(left for _, left in part) / len(part), len(part)))
        start = end
    return tuple(found)
