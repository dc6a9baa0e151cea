"""The table of observations: at each time of the grid, each account that counts, what was measured, and what came of it.

This is what figures are computed from, and what a calibration learns from.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kenko.backtest.grid import Grid
from kenko.backtest.history import History, OutOfOrderError
from kenko.backtest.labels import Labels
from kenko.backtest.looking import Look, look
from kenko.backtest.march import HOUR_MS, March, Pace, Stop
from kenko.backtest.memory_fold import MemoryFold
from kenko.model import HealthModel

Report = Callable[[float], None]
"""Called now and then with the share of the work that is done."""


class Observation(NamedTuple):
    """One account at one time of the grid."""

    account_id: str
    time_ms: int
    left: bool
    """It left within the horizon."""
    values: dict[str, float | None]
    """By signal of the model; None: no data. Empty for an account nobody had heard of."""
    score: float | None
    """The last one at or before the time; None: there was none."""


def observations(  # noqa: PLR0913 - files, grid and pace are chosen one by one
    model: HealthModel,
    events: Path,
    lifecycle: Path | None,
    labels: Labels,
    *,
    grid: Grid | None = None,
    interval_ms: int = HOUR_MS,
    report: Report | None = None,
) -> list[Observation]:
    """Fold the files' events of the labelled accounts, and look at each time of the grid.

    Raises:
        EventFileError: a file cannot be read.
    """
    grid = grid or Grid()
    times = grid.times(labels.values())
    return observe(look_at(model, History(events, lifecycle, labels), times, interval_ms, report), labels, grid)


def look_at(
    model: HealthModel, history: History, times: list[int], interval_ms: int = HOUR_MS, report: Report | None = None
) -> list[Look]:
    """What the model knew of every account at each of the times, with the values of its signals."""
    try:
        return _look_at(model, history, times, interval_ms, report)
    except OutOfOrderError:
        history.is_sorted = False
        return _look_at(model, history, times, interval_ms, report)


def observe(looks: list[Look], labels: Labels, grid: Grid) -> list[Observation]:
    """Join what was known with what came of it. One set of looks serves any number of grids over their times."""
    by_place = {(item.account_id, item.time_ms): item for item in looks}
    scores: dict[str, float] = {}
    observed: list[Observation] = []
    waiting = sorted((item for item in looks if item.score is not None), key=lambda item: item.time_ms, reverse=True)
    for account_id, time_ms, left in grid.rows(labels):
        while waiting and waiting[-1].time_ms <= time_ms:
            item = waiting.pop()
            scores[item.account_id] = item.score if item.score is not None else 0.0
        seen = by_place.get((account_id, time_ms))
        values = {} if seen is None else seen.values
        observed.append(Observation(account_id, time_ms, left, values, scores.get(account_id)))
    return observed


def _look_at(
    model: HealthModel, history: History, times: list[int], interval_ms: int, report: Report | None
) -> list[Look]:
    if not times:
        return []
    fold = MemoryFold(model, ids_repeat=history.ids_repeat)
    march = March([fold], Pace(interval_ms, times[-1]), times)
    looks: list[Look] = []
    for moment in march.through(history.read()):
        if isinstance(moment, Stop):
            looks += look(fold, moment.time_ms, with_values=True)
            if report is not None:
                report(history.share())
    return looks
