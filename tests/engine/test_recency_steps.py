from __future__ import annotations

from math import inf

import pytest

from kenko.engine.signals.readers import recency_steps
from kenko.engine.signals.recency import RecencyKind
from kenko.model.score_spec import (
    Boundary,
    Cap,
    Group,
    HalfLife,
    Input,
    Missing,
    Points,
    Policy,
    Profile,
    Rule,
    SignalTest,
    Step,
    Steps,
    Zones,
)
from kenko.model.signal_spec import Comparison, Match, Op, PropertyTest, Ratio, Recency, Reference, Signal
from kenko.model.spec import HealthModel
from schemas.transition import RuleKind

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SEATS = Reference("seats", is_trait=True)
SEEN = Signal("seen", Match(events=None), Recency(), None, (("en", "seen"),), "days")
OTHER = Signal("other", Match(events=None), Recency(), None, (("en", "other"),), "days")


def policy(*, curves=(), caps=(), rules=(), per=None, name="seen"):
    inputs = tuple(Input(name, 1, curve, Missing.REDISTRIBUTE, per) for curve in curves)
    edge = Boundary(40, 45, 0)
    return Policy((Group("all", 1, inputs),), caps, 0, Zones(edge, edge), rules)


def steps(base, *profiles, signals=(OTHER, SEEN)):
    when = (PropertyTest("plan", Op.EQ, "pro"),)
    made = tuple(Profile(f"p{number}", when, profile) for number, profile in enumerate(profiles))
    return recency_steps("seen", HealthModel(name="m", version=1, signals=signals, base=base, profiles=made))


def rule(operand):
    test = SignalTest("seen", (Comparison(Op.GTE, operand),))
    return Rule("r", RuleKind.CHURN, (("en", "r"),), signals=(test,))


@pytest.mark.parametrize(
    ("found", "grain_ms", "flat_ms"),
    [
        (lambda: steps(policy()), DAY_MS, 0),
        (lambda: steps(policy(curves=[HalfLife(7 * DAY_MS)])), 6 * HOUR_MS, 105 * DAY_MS),
        (lambda: steps(policy(curves=[Points(((2, 100), (9, 0)))])), 6 * HOUR_MS, 9 * DAY_MS),
        (
            lambda: steps(policy(curves=[Steps((Step(3.5, False, 100), Step(14, True, 50), Step(None, False, 0)))])),
            3 * HOUR_MS,
            14 * DAY_MS,
        ),
        (lambda: steps(policy(caps=(Cap("seen", (Comparison(Op.GT, 28.0),), 39),))), DAY_MS, 28 * DAY_MS),
        (lambda: steps(policy(caps=(Cap("other", (Comparison(Op.GT, 7.0),), 39),))), DAY_MS, 0),
        (lambda: steps(policy(rules=(rule(7.0),))), 6 * HOUR_MS, 7 * DAY_MS),
        # A profile looks closer than the base, and another farther.
        (
            lambda: steps(
                policy(curves=[HalfLife(7 * DAY_MS)]),
                policy(curves=[HalfLife(DAY_MS)]),
                policy(rules=(rule(200.0),)),
            ),
            HOUR_MS,
            200 * DAY_MS,
        ),
        (lambda: steps(policy(curves=[Points(((0, 100), (7, 0)))], per=SEATS)), DAY_MS, inf),
        (
            lambda: steps(
                policy(curves=[HalfLife(7 * DAY_MS)]),
                signals=(Signal("r", None, Ratio(Reference("seen", False), SEATS), None, (("en", "r"),), ""), SEEN),
            ),
            6 * HOUR_MS,
            inf,
        ),
        (lambda: steps(policy(curves=[HalfLife(7 * DAY_MS)], per=Reference("seen", False), name="other")), DAY_MS, inf),
    ],
)
def test_the_finest_reader_sets_the_grain_and_the_farthest_the_end(found, grain_ms, flat_ms):
    assert found() == (grain_ms, flat_ms)


def test_a_recency_that_something_reads_at_any_age_moves_for_ever():
    kind = RecencyKind(0, DAY_MS, inf)
    assert kind.advance(0, 10_000 * DAY_MS) == (10_000, 10_001 * DAY_MS)
