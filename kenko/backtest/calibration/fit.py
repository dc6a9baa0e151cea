"""The fit: a logistic regression on the model's own score and on ramps, none of them negative, kept small and plain.

Where history says little, ramps stay small and what is left is the model as its author wrote it; where it says much, they
take over.

The score is a weighted mean of healths, each a function of one input: a generalised additive model. With the log odds
of leaving = constant - sum of f(input), weight = the range of f and curve = f over its range, the score is those log odds
but for a constant and a factor. Hastie and Tibshirani, Generalized Additive Models (1990), chapter 6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import minimize

from kenko.backtest.calibration.ramps import corners, ramps, strides
from kenko.backtest.calibration.samples import Flags, Numbers
from kenko.model.score_spec import Missing

_PLAIN = 3.0
"""How strongly the slope of a curve is kept like that of the next stretch."""
_OWN_SCORE = 0.01
"""Price of the slope of the model's own score: next to nothing."""
_MOST_ROUNDS = 200
_NEAR_ENOUGH = 1e-6
"""Of the loss: what a round must still gain."""


@dataclass(frozen=True)
class Column:
    """One ramp of the fit."""

    place: int
    """Which input."""
    stretch: int
    """From which corner of it to the next."""
    is_rising: bool
    stride: float
    price: float = 1.0
    """How much dearer than others."""


@dataclass(frozen=True)
class Basis:
    """The ramps of all inputs, by sample."""

    corners: list[list[float]]
    """By input; fewer than two: it takes no part."""
    columns: list[Column]
    heights: Numbers
    """By sample and column: the ramp times its stride, as it is where every input has data."""
    given: list[Numbers]
    """By input: the health its own curve has at each corner, times its share of the score; 0 to 1."""
    given_heights: Numbers
    """By sample and input: the same for the sample's value."""

    def multiplied(self, by_input: Numbers) -> Numbers:
        """With the weight an input has in each sample. One column more than there are ramps: the model's own score."""
        ramps_up = self.heights * by_input[:, [column.place for column in self.columns]]
        return np.hstack([ramps_up, (self.given_heights * by_input).sum(axis=1, keepdims=True)])


@dataclass(frozen=True)
class Given:
    """What the model says of an input."""

    curve: Callable[[float], int]
    """Hundredths of health."""
    share: float
    """Of the score."""
    missing: Missing

    @property
    def absent(self) -> float:
        """Where there is no data: a share of its range. Of an input that hands its weight on it has no effect."""
        return 0.5 if self.missing is Missing.NEUTRAL else 0.0


def build_basis(
    values: Numbers, inputs: Sequence[Given], directions: Sequence[int], *, against: float | None = None
) -> Basis:
    """Ramps for every input.

    Args:
        values: by sample and input; NaN: no data.
        inputs: what the model says of each.
        directions: of each input: 1 rises, -1 falls, 0 goes both ways.
        against: the price of going against the direction; None: never.
    """
    at = [corners(column) for column in values.T]
    columns: list[Column] = []
    parts: list[Numbers] = [np.empty((len(values), 0))]
    given = [
        np.array([item.curve(edge) for edge in edges]) / 10_000 * item.share
        for item, edges in zip(inputs, at, strict=True)
    ]
    given_heights = np.zeros(values.shape)
    for place, edges in enumerate(at):
        if len(edges) < 2:
            continue
        absent = inputs[place].absent
        told = np.interp(values[:, place], edges, given[place])
        given_heights[:, place] = np.where(np.isnan(values[:, place]), absent * inputs[place].share, told)
        far = strides(edges, values[:, place])
        up = ramps(values[:, place], edges)
        for way in (1, -1):
            is_against = directions[place] == -way
            if is_against and against is None:
                continue
            price = against if is_against and against is not None else 1.0
            columns += [Column(place, stretch, way > 0, float(far[stretch]), price) for stretch in range(len(far))]
            parts.append(np.nan_to_num(up if way > 0 else 1.0 - up, nan=absent) * far)
    return Basis(at, columns, np.hstack(parts), given, given_heights)


@dataclass(frozen=True)
class Fit:
    """Log odds of leaving = constant - sum of slope times height."""

    constant: float
    slopes: Numbers
    """By column, none negative; the last is that of the model's own score."""

    def log_odds(self, heights: Numbers) -> Numbers:
        result: Numbers = self.constant - heights @ self.slopes
        return result

    def healths(self, basis: Basis, place: int) -> Numbers:
        """What the input takes off the log odds at each of its corners."""
        found: Numbers = basis.given[place] * self.slopes[-1]
        for column, slope in zip(basis.columns, self.slopes[:-1], strict=True):
            if column.place != place:
                continue
            if column.is_rising:
                found[column.stretch + 1 :] += slope * column.stride
            else:
                found[: column.stretch + 1] += slope * column.stride
        return found


def fit(  # noqa: PLR0913 - what there is to say of a regression
    heights: Numbers,
    columns: Sequence[Column],
    left: Flags,
    *,
    weight: float,
    ridge: float,
    near: Fit | None = None,
) -> Fit:
    """The slopes that explain best who left, at a price for each.

    Args:
        heights: by sample and column.
        columns: what the columns are.
        left: by sample.
        weight: how much a sample counts.
        ridge: price of slopes: large ones are taken only where they explain much.
        near: a fit of much the same, to begin with.
    """
    price = _price(columns, ridge)
    target = left.astype(float)
    heights_t = np.ascontiguousarray(heights.T)

    def loss(unknown: Numbers) -> tuple[float, Numbers]:
        slopes = unknown[1:]
        odds = unknown[0] - heights @ slopes
        rest = weight * (1.0 / (1.0 + np.exp(-odds)) - target)
        value = weight * float((np.logaddexp(0.0, odds) - target * odds).sum()) + float(slopes @ price @ slopes) / 2
        return value, np.concatenate([[rest.sum()], price @ slopes - heights_t @ rest])

    rate = min(max(float(target.mean()), 1e-6), 1 - 1e-6)
    start = np.full(heights.shape[1] + 1, 0.1)
    start[0] = np.log(rate / (1 - rate))
    if near is not None:
        start[0], start[1:] = near.constant, near.slopes
    bounds = [(None, None)] + [(0.0, None)] * heights.shape[1]
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _MOST_ROUNDS, "ftol": _NEAR_ENOUGH}
    )
    return Fit(float(found.x[0]), np.asarray(found.x[1:], dtype=np.float64))


def _price(columns: Sequence[Column], ridge: float) -> Numbers:
    """Ridge on each slope, and on the difference of slopes of neighbours."""
    price: Numbers = np.diag([*(ridge * column.stride * column.price for column in columns), _OWN_SCORE])
    for at, (one, other) in enumerate(pairwise(columns)):
        if (one.place, one.is_rising) == (other.place, other.is_rising):
            price[at : at + 2, at : at + 2] += _PLAIN * np.array([[1.0, -1.0], [-1.0, 1.0]])
    return price
