"""Learning: choose by cross-validation how plain the curves are kept, then fit them to all that may be learnt from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kenko.backtest.calibration.figures import auc, top_decile_lift
from kenko.backtest.calibration.fit import Basis, Fit, Given, build_basis, fit
from kenko.backtest.calibration.handing_on import multipliers
from kenko.backtest.calibration.samples import Flags, Numbers
from kenko.backtest.calibration.shapes import AGAINST, Shape, turned
from kenko.model.score_spec import Missing

FOLDS = 4
_RIDGES = (100.0, 15.0, 3.0, 0.6)
"""The largest leaves the model nearly as it was."""
_USUAL_RIDGE = 1.0
_ROUNDS = 3
"""Weights decide who inherits from an input without data, and that decides the weights: three rounds settle it."""
_LEAST = 1e-3
"""Share that an input without any effect has meanwhile."""
_CLEARLY_BETTER = 0.01
"""What turned curves must gain, in AUC: below it a curve that people expect is worth more."""


_ENOUGH_TO_TURN = 100
"""With fewer accounts that left, a turn is luck more often than not."""


@dataclass(frozen=True)
class Task:
    """What is learnt from. Columns by sample; inputs in the model's order."""

    values: Numbers
    """By sample and input; NaN: no data."""
    left: Flags
    accounts: NDArray[np.str_]
    weight: float
    """How much one sample counts."""
    groups: Sequence[str]
    """By input."""
    inputs: Sequence[Given]
    """What the model says of each; the shares add up to 1."""
    directions: Sequence[int]

    @property
    def is_present(self) -> Flags:
        """By sample and input: it takes part in the score, with data or as its policy says."""
        stands_in = [item.missing in (Missing.WORST, Missing.NEUTRAL) for item in self.inputs]
        result: Flags = ~np.isnan(self.values) | np.array(stands_in)
        return result

    @property
    def shares(self) -> Numbers:
        """Of the score, by input, as the model has them."""
        return np.array([item.share for item in self.inputs])


@dataclass(frozen=True)
class Learnt:
    """What came of it."""

    basis: Basis
    fit: Fit
    shares: Numbers
    """Of the score, by input."""
    directions: Sequence[int]
    """As fitted; 0: both ways."""
    ridge: float
    foretold: Numbers
    """Log odds of leaving by sample, each by a fit that had not seen its account."""


_Way = Callable[[Flags], Sequence[int]]
"""Which directions the curves have, found out from some samples alone."""


@dataclass(frozen=True)
class _Try:
    """One way to fit, cross-validated."""

    way: _Way
    ridge: float
    loss: float
    foretold: Numbers


def learn(task: Task, shape: Shape, *, seed: int, report: Callable[[float], None]) -> Learnt:
    """The best fit. The same task and seed give the same."""
    folds = list(_folds(task, seed))
    ways = _ways(task, shape)
    tries: list[_Try] = []
    for done, way in enumerate(ways):

        def progress(share: float, done: int = done) -> None:
            report((done + share) / len(ways))

        tries.append(_best_ridge(task, way, folds, progress))
    best = tries[0]
    for other in tries[1:]:
        if _merit(other, task) > _merit(best, task) + _CLEARLY_BETTER:
            best = other
    directions = best.way(np.ones(len(task.left), dtype=bool))
    basis = build_basis(task.values, task.inputs, directions)
    final, shares = _settle(task, basis, best.ridge)
    return Learnt(basis, final, shares, directions, best.ridge, best.foretold)


def _ways(task: Task, shape: Shape) -> list[_Way]:
    """The ways to try, the preferred one first."""

    def as_given(_seen: Flags) -> Sequence[int]:
        return task.directions

    def free(_seen: Flags) -> Sequence[int]:
        return [0] * len(task.directions)

    if shape is Shape.FREE:
        return [free]
    leavers = len(np.unique(task.accounts[task.left]))
    if shape is Shape.MONOTONE or leavers < _ENOUGH_TO_TURN:
        return [as_given]
    basis = build_basis(task.values, task.inputs, task.directions, against=AGAINST)
    heights = basis.multiplied(multipliers(task.is_present, task.groups, task.shares))

    def as_history_insists(seen: Flags) -> Sequence[int]:
        lenient = fit(heights[seen], basis.columns, task.left[seen], weight=task.weight, ridge=_USUAL_RIDGE)
        return turned(task.directions, basis, lenient)

    everyone = np.ones(len(task.left), dtype=bool)
    is_as_given = as_history_insists(everyone) == list(task.directions)
    return [as_given] if is_as_given else [as_given, as_history_insists]


def _best_ridge(task: Task, way: _Way, folds: Sequence[Flags], report: Callable[[float], None]) -> _Try:
    """Cross-validated. Directions too are found out without the accounts that are foretold."""
    present = multipliers(task.is_present, task.groups, task.shares)
    foretold = {ridge: np.zeros(len(task.left)) for ridge in _RIDGES}
    for done, tested in enumerate(folds):
        seen = ~tested
        basis = build_basis(task.values, task.inputs, way(seen))
        heights = basis.multiplied(present)
        near: Fit | None = None
        for at, ridge in enumerate(_RIDGES):
            report((done + at / len(_RIDGES)) / len(folds))
            near = fit(heights[seen], basis.columns, task.left[seen], weight=task.weight, ridge=ridge, near=near)
            foretold[ridge][tested] = near.log_odds(heights[tested])
    losses = {ridge: float(np.mean(np.logaddexp(0.0, odds) - task.left * odds)) for ridge, odds in foretold.items()}
    best = min(losses, key=losses.__getitem__)
    return _Try(way, best, losses[best], foretold[best])


def _merit(tried: _Try, task: Task) -> float:
    """What is asked of a score: to rank, and above all at the risky end. A lift of 0.1 counts as an AUC of 0.005."""
    return auc(task.left, tried.foretold) + top_decile_lift(task.left, tried.foretold) / 20


def _settle(task: Task, basis: Basis, ridge: float) -> tuple[Fit, Numbers]:
    shares = task.shares
    found: Fit | None = None
    for _ in range(_ROUNDS):
        heights = basis.multiplied(multipliers(task.is_present, task.groups, shares))
        found = fit(heights, basis.columns, task.left, weight=task.weight, ridge=ridge, near=found)
        shares = shares_of(found, basis, task.shares, task.groups)
    if found is None:
        raise AssertionError("there is a round")
    return found, shares


def shares_of(found: Fit, basis: Basis, before: Numbers, groups: Sequence[str]) -> Numbers:
    """The share of each input: its range over the sum of ranges.

    One that took no part has no range. Beside others in its group it keeps its proportion to them: where it has no data its
    weight is theirs, so with a share of its own it would make them count as nobody fitted them. A group of which no
    input took part keeps its share.
    """
    took_part = np.array([len(edges) >= 2 for edges in basis.corners])
    ranges = np.array([np.ptp(found.healths(basis, at)) if took_part[at] else 0.0 for at in range(len(before))])
    if ranges.sum() <= 0:
        return before
    shares = np.maximum(ranges / ranges.sum(), _LEAST) * took_part
    alone = np.zeros(len(before), dtype=bool)
    for name in set(groups):
        member = np.array([group == name for group in groups])
        fitted = member & took_part
        if fitted.any():
            left_out = member & ~took_part
            shares[left_out] = shares[fitted].sum() * before[left_out] / before[fitted].sum()
        else:
            alone |= member
    result: Numbers = np.where(alone, before, shares / shares.sum() * (1 - before[alone].sum()))
    return result


def _folds(task: Task, seed: int) -> Iterator[Flags]:
    """Accounts that left and accounts that stayed, each dealt out evenly; all samples of an account together."""
    rng = np.random.default_rng(seed)
    everyone, owner = np.unique(task.accounts, return_inverse=True)
    is_leaver = np.bincount(owner, task.left, len(everyone)) > 0
    dealt = np.empty(len(everyone), dtype=int)
    for part in (is_leaver, ~is_leaver):
        dealt[part] = rng.permutation(int(part.sum())) % FOLDS
    for fold in range(FOLDS):
        yield dealt[owner] == fold
