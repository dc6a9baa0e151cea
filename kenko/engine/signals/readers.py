"""What reads the recency of an account, and how finely it has to look."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from kenko.engine.signals.recency import grain_ms
from kenko.model.limits import DAY_MS
from kenko.model.score_spec import Curve, HalfLife, Input, Points, Policy
from kenko.model.signal_spec import Ratio
from kenko.model.spec import HealthModel

_FLAT_HALF_LIVES = 15
"""After 15 half-lives 100 points are 0.003: 0.00 in hundredths."""


def recency_steps(name: str, model: HealthModel) -> tuple[int, float]:
    """For a recency signal: its grain, and the age from which on nothing that reads it changes, in milliseconds.

    Curves, caps and rules of every policy are looked at. What reads a quotient of it (`per`, a ratio) may change at any
    age: such a signal moves once a day for ever, unless something else wants it finer.
    """
    needs = [need for policy in model.policies for need in _needs(name, policy)]
    references = [
        reference
        for signal in model.signals
        if isinstance(signal.aggregate, Ratio)
        for reference in (signal.aggregate.numerator, signal.aggregate.denominator)
    ]
    references += [spec.per for policy in model.policies for spec in _inputs(policy) if spec.per is not None]
    if any(reference.name == name and not reference.is_trait for reference in references):
        needs.append((DAY_MS, inf))
    grain = min((grain for grain, _ in needs), default=DAY_MS)
    return grain, max((flat for _, flat in needs), default=0)


def _inputs(policy: Policy) -> list[Input]:
    return [spec for group in policy.groups for spec in group.inputs]


def _needs(name: str, policy: Policy) -> Iterator[tuple[int, float]]:
    """(grain, flat after) of each thing in `policy` that reads the signal."""
    for spec in _inputs(policy):
        if spec.signal == name:
            yield from _of_curve(spec.curve) if spec.per is None else [(DAY_MS, inf)]
    tests = [cap.tests for cap in policy.caps if cap.signal == name]
    tests += [test.tests for rule in policy.rules for test in rule.signals if test.signal == name]
    for days in (comparison.operand for comparisons in tests for comparison in comparisons):
        yield _of_edge(days)


def _of_curve(curve: Curve) -> list[tuple[int, float]]:
    if isinstance(curve, HalfLife):
        return [(grain_ms(curve.half_life_ms), _FLAT_HALF_LIVES * curve.half_life_ms)]
    if isinstance(curve, Points):
        first, last = curve.points[0][0] * DAY_MS, curve.points[-1][0] * DAY_MS
        return [(grain_ms(last - max(0, first)), last)]
    return [_of_edge(step.edge) for step in curve.steps if step.edge is not None]


def _of_edge(days: float) -> tuple[int, float]:
    return grain_ms(days * DAY_MS), days * DAY_MS
