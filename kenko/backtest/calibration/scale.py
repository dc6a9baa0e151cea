"""Scale: from fitted curves to healths of 0 to 100 and weights, so that red keeps its boundary.

Ranges become weights and curves are stretched over 0 to 100: then the score is a straight line of the log odds of leaving.
A straight line may be pressed together and moved without changing who ranks above whom. It is moved so that the model's
own red boundary cuts off the wanted share of accounts: the number people know stays, and caps and rules keep their sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kenko.backtest.calibration.fitted import FittedInput, Pairs, Verdict
from kenko.backtest.calibration.learning import Learnt
from kenko.backtest.calibration.ramps import direction_of
from kenko.backtest.calibration.samples import Numbers

LEAST_WEIGHT = 0.1
"""Percent of the score that an input keeps though history gives it none."""
_NEGLIGIBLE = 0.002
"""A share below this is none."""
_STRAIGHT = 0.6
"""A corner this near, in health, to the line between its neighbours is left out."""


@dataclass(frozen=True)
class Scale:
    """health on file = offset + factor times health over the full range."""

    offset: float = 0.0
    factor: float = 1.0

    def of(self, health: float) -> float:
        return self.offset + self.factor * health


def anchored(boundary: float, wanted: float) -> Scale:
    """The widest scale on which `boundary`, a score on the full one, becomes `wanted`. Both within 0 to 100."""
    if boundary > wanted:
        return Scale(0.0, wanted / boundary)
    if boundary < wanted:
        factor = (100.0 - wanted) / (100.0 - boundary)
        return Scale(100.0 * (1.0 - factor), factor)
    return Scale()


def fitted_inputs(
    learnt: Learnt, names: Sequence[tuple[str, str]], directions: Sequence[int], before: Numbers, scale: Scale
) -> list[FittedInput]:
    """Weight and curve of each input, rounded as a person would write them.

    Args:
        learnt: what was learnt.
        names: group and signal of each input.
        directions: of the model's own curves.
        before: shares in the model, adding up to 1.
        scale: where the healths are put.
    """
    return [
        _fitted(learnt, place, group, signal, directions[place], float(before[place]), scale)
        for place, (group, signal) in enumerate(names)
    ]


def _fitted(  # noqa: PLR0913, PLR0917 - all there is to say of one input
    learnt: Learnt, place: int, group: str, signal: str, way: int, before: float, scale: Scale
) -> FittedInput:
    share = float(learnt.shares[place])
    corners = learnt.basis.corners[place]
    weight = max(LEAST_WEIGHT, round(share * 100, 1))
    if len(corners) < 2:
        return FittedInput(group, signal, weight, None, Verdict.NO_DATA, before * 100)
    healths = learnt.fit.healths(learnt.basis, place)
    if share < _NEGLIGIBLE or np.ptp(healths) <= 0:
        return FittedInput(group, signal, LEAST_WEIGHT, None, Verdict.NO_EFFECT, before * 100)
    full = (healths - healths.min()) / np.ptp(healths) * 100
    points = _plain([(x, round(scale.of(float(y)), 1)) for x, y in zip(corners, full, strict=True)])
    is_turned = way != 0 and direction_of([y for _, y in points]) != way
    return FittedInput(group, signal, weight, points, Verdict.TURNED if is_turned else Verdict.FITTED, before * 100)


def _plain(points: list[tuple[float, float]]) -> Pairs:
    """Without the corners at which the line hardly bends."""
    kept = list(points)
    while len(kept) > 2:
        bends = [_bend(*kept[at - 1 : at + 2]) for at in range(1, len(kept) - 1)]
        least = min(range(len(bends)), key=bends.__getitem__)
        if bends[least] >= _STRAIGHT:
            break
        del kept[least + 1]
    return tuple(kept)


def _bend(before: tuple[float, float], at: tuple[float, float], after: tuple[float, float]) -> float:
    straight = before[1] + (after[1] - before[1]) * (at[0] - before[0]) / (after[0] - before[0])
    return abs(at[1] - straight)
