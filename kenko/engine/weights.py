"""Weights: exact shares of the score, and points that add up to it to the last hundredth."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from operator import mul
from typing import NamedTuple

from kenko.model.score_spec import Group

_MOST_PATTERNS = 4096


class Shares(NamedTuple):
    """Each input's share is `parts[i] / whole`; the parts add up to the whole."""

    parts: tuple[int, ...]
    whole: int


class Weights:
    """Shares of the inputs, given which of them have no data and hand their weight on."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = [
            (Fraction(str(group.weight)), [Fraction(str(i.weight)) for i in group.inputs]) for group in groups
        ]
        self._shares: dict[int, Shares | None] = {}

    def shares(self, absent: int) -> Shares | None:
        """The shares; bit i of `absent`: input i hands its weight on. None if all do."""
        try:
            return self._shares[absent]
        except KeyError:
            if len(self._shares) >= _MOST_PATTERNS:
                self._shares.clear()
            shares = self._shares[absent] = self._compute(absent)
            return shares

    def _compute(self, absent: int) -> Shares | None:
        """An absent input's weight goes to the others of its group, an absent group's to the other groups."""
        parts: list[Fraction] = []
        total = Fraction(0)
        for group_weight, weights in self._groups:
            at = len(parts)
            present = [w if not absent >> (at + i) & 1 else Fraction(0) for i, w in enumerate(weights)]
            inside = sum(present, Fraction(0))
            if inside:
                total += group_weight
            parts += [group_weight * w / inside if inside else Fraction(0) for w in present]
        if not total:
            return None
        fractions = [part / total for part in parts]
        whole = lcm(*(f.denominator for f in fractions))
        return Shares(tuple(int(f * whole) for f in fractions), whole)


def rounded(exact: int, whole: int) -> int:
    """A sum of shares times healths as hundredths, rounded half up."""
    return (2 * exact + whole) // (2 * whole)


def split_points(shares: Shares, healths: Sequence[int]) -> tuple[int, list[int]]:
    """The score and each input's points, in hundredths: rounded half up, and by largest remainder so that they add up.

    Between equal remainders the earlier input gets the hundredth.
    """
    whole = shares.whole
    exact = list(map(mul, shares.parts, healths))
    score = rounded(sum(exact), whole)
    points = [amount // whole for amount in exact]
    left = score - sum(points)
    if left:
        rests = [amount % whole for amount in exact]
        for i in sorted(range(len(rests)), key=rests.__getitem__, reverse=True)[:left]:
            points[i] += 1
    return score, points
