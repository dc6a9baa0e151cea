"""Samples: each labelled account at each time it counts, with its row of that time and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kenko.backtest.calibration.errors import CalibrationError
from kenko.backtest.grid import Grid
from kenko.backtest.history import History, OutOfOrderError
from kenko.backtest.labels import Label, Labels
from kenko.backtest.march import March, Pace, Stop
from kenko.backtest.memory_fold import MemoryFold
from kenko.model import HealthModel
from kenko.model.limits import DAY_MS
from kenko.model.score_spec import Missing

Report = Callable[[float, str], None]
"""Called now and then with the share of the work that is done, and what is being done."""
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

JUDGING = Grid()
"""What is judged: every 30 days, left within 30 days."""
LEARNING_STEP_MS = 7 * DAY_MS
MOST_LEARNT_FROM = 30_000
"""More samples than this only make the fit slower: then every second week is taken, or every third."""


@dataclass(frozen=True)
class Samples:
    """Columns of the same length, by time, then in the labels' order."""

    accounts: NDArray[np.str_]
    times_ms: NDArray[np.int64]
    rows: list[bytes]
    """The row of the account as it would have been stored."""
    left: Flags
    """It left within 30 days."""
    left_later: Flags
    """It left within the time of the calibration; only where `is_known_later`."""
    is_known_later: Flags
    """It was watched for as long."""
    is_judged: Flags
    """Stands on the grid that is judged."""
    is_learnt: Flags
    """Stands on the finer grid that is learnt from."""
    learnt_weight: float
    """How much one learnt sample counts, so that all of them count as much as those of the judged grid would."""

    heard: frozenset[str]
    """Labelled accounts with any event."""

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, accounts: set[str]) -> Flags:
        """Those of some accounts."""
        return np.isin(self.accounts, sorted(accounts))


def collect(  # noqa: PLR0913 - what there is to read
    model: HealthModel,
    events: Path,
    lifecycle: Path | None,
    labels: Labels,
    *,
    within_ms: int,
    report: Report,
) -> tuple[Samples, History]:
    """Fold the files once, and keep the row of each account at each time it counts.

    The rows can be scored by every model that measures the same signals: only weights and curves change.

    Raises:
        EventFileError: a file cannot be read.
        CalibrationError: no labelled account has any event, or none was watched long enough.
    """
    finer = Grid(step_ms=LEARNING_STEP_MS)
    judged, learnt = set(JUDGING.times(labels.values())), set(finer.times(labels.values()))
    times = sorted(judged | learnt)
    if not times:
        raise CalibrationError("No account was watched for 30 days after its first 30: there is nothing to learn from.")
    history = History(events, lifecycle, labels)
    try:
        rows, heard = _march(model, history, labels, times, report)
    except OutOfOrderError:
        history.is_sorted = False
        rows, heard = _march(model, history, labels, times, report)
    if not rows:
        raise CalibrationError(
            "None of the labelled accounts has an event before a time it counts at. Do the labels belong to these events?"
        )
    return _samples(rows, labels, heard, within_ms, judged, learnt), history


_Rows = list[tuple[str, int, bytes]]


def _march(
    model: HealthModel, history: History, labels: Labels, times: list[int], report: Report
) -> tuple[_Rows, frozenset[str]]:
    fold = MemoryFold(model, ids_repeat=history.ids_repeat)
    # A score is a function of the row and the time, not of how often it was looked at; but for an input that counts as when
    # it last had data, and that is remembered at ticks.
    inputs = [item for policy in model.policies for group in policy.groups for item in group.inputs]
    interval_ms = DAY_MS if any(item.missing is Missing.LAST for item in inputs) else LEARNING_STEP_MS
    march = March([fold], Pace(interval_ms, times[-1]), times)
    rows: _Rows = []
    for moment in march.through(history.read()):
        if not isinstance(moment, Stop):
            continue
        for state in fold.states():
            label = labels.get(state.account_id)
            if label is not None and JUDGING.counts(label, moment.time_ms):
                rows.append((state.account_id, moment.time_ms, fold.scorer.encode(state)))
        report(history.share(), "reading")
    return rows, frozenset(state.account_id for state in fold.states() if state.account_id in labels)


def _samples(  # noqa: PLR0913, PLR0917 - what a sample is made from
    rows: _Rows, labels: Labels, heard: frozenset[str], within_ms: int, judged: set[int], learnt: set[int]
) -> Samples:
    owners = [labels[account_id] for account_id, _, _ in rows]
    times = np.array([time_ms for _, time_ms, _ in rows], dtype=np.int64)
    later = [_later(label, time_ms, within_ms) for label, (_, time_ms, _) in zip(owners, rows, strict=True)]
    on_finer = np.isin(times, sorted(learnt))
    stride = ceil(int(on_finer.sum()) / MOST_LEARNT_FROM) or 1
    if stride > 1:
        on_finer = np.isin(times, sorted(learnt)[::stride])
    return Samples(
        accounts=np.array([account_id for account_id, _, _ in rows], dtype=np.str_),
        times_ms=times,
        rows=[row for _, _, row in rows],
        left=np.array([JUDGING.left(label, int(time)) for label, time in zip(owners, times, strict=True)], dtype=bool),
        left_later=np.array([left is True for left in later], dtype=bool),
        is_known_later=np.array([left is not None for left in later], dtype=bool),
        is_judged=np.isin(times, sorted(judged)),
        is_learnt=on_finer,
        learnt_weight=stride * LEARNING_STEP_MS / JUDGING.step_ms,
        heard=heard,
    )


def _later(label: Label, time_ms: int, within_ms: int) -> bool | None:
    """None: it was not watched for so long. One that left is watched as long as the others of its file."""
    if time_ms + within_ms > label.until_ms:
        return None
    return label.churn_ms is not None and label.churn_ms <= time_ms + within_ms
