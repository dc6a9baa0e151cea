"""How signals become a score, zones and rules, as values."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from kenko.model.signal_spec import Comparison, PropertyTest, Reference, label_in
from schemas.health import Zone
from schemas.transition import RuleKind


class Points(Struct, frozen=True, tag="points"):
    """Straight lines between (value, health) points; flat before the first and after the last."""

    points: tuple[tuple[float, float], ...]


class HalfLife(Struct, frozen=True, tag="half_life"):
    """100 at age 0, halved each half-life."""

    half_life_ms: int


class Step(Struct, frozen=True):
    """A range of values with one health. The range ends at `edge`; whether the edge is in it is stated."""

    edge: float | None
    """None: no end, for the last step."""
    is_inclusive: bool
    """True: up to and with the edge (`lte`). False: below it (`lt`)."""
    health: float


class Steps(Struct, frozen=True, tag="steps"):
    """A health for each range of values; edges increase."""

    steps: tuple[Step, ...]


Curve = Points | HalfLife | Steps


class Missing(StrEnum):
    """What an input without data does to the score."""

    REDISTRIBUTE = "redistribute"
    """Its weight goes to the other inputs of its group, or to the other groups where its group has none."""
    WORST = "worst"
    """Counts as 0."""
    NEUTRAL = "neutral"
    """Counts as 50."""
    LAST = "last"
    """Counts as when it last had data; as `redistribute` where it never had."""


class Input(Struct, frozen=True):
    """A signal, and what it adds to its group."""

    signal: str
    weight: float
    curve: Curve
    missing: Missing
    per: Reference | None = None
    """The value is divided by this; no data where that is unknown or not above 0."""
    scale: float = 1.0
    """And multiplied by this: `per: trait.seats, scale: 100` is the value for each hundred seats."""


class Group(Struct, frozen=True):
    """Inputs that share a weight."""

    name: str
    weight: float
    inputs: tuple[Input, ...]


class SignalTest(Struct, frozen=True):
    """All comparisons hold for the signal's value. A signal without data passes none."""

    signal: str
    tests: tuple[Comparison, ...]


class Cap(Struct, frozen=True):
    """While all tests on the signal hold, the score is at most `at_most`. A signal without data passes no test."""

    signal: str
    tests: tuple[Comparison, ...]
    at_most: float


class Boundary(Struct, frozen=True):
    """Where a zone begins and ends."""

    below: float
    """Entered when the score has been below this for `for_ms`."""
    clear_above: float
    """Left when the score is above this."""
    for_ms: int


class Zones(Struct, frozen=True):
    """The two boundaries below green."""

    red: Boundary
    yellow: Boundary


class Drop(Struct, frozen=True):
    """The score is `points` or more below the highest daily close of the last `within_days` days."""

    points: float
    within_days: int


class Silence(Struct, frozen=True):
    """No use for `factor` times the account's usual gap between days of use, and for `at_least_ms`."""

    factor: float
    at_least_ms: int


class Rule(Struct, frozen=True):
    """A condition of its own, beside the zones: it begins to hold or ends, and each is a transition.

    It holds while every part that is given holds. An account that is churned passes none, one without a zone passes
    none that names zones.
    """

    name: str
    kind: RuleKind
    labels: tuple[tuple[str, str], ...]
    for_ms: int = 0
    """It must have held this long before it counts."""
    clear_for_ms: int = 0
    """It must have failed this long before it ends."""
    zones: tuple[Zone, ...] = ()
    drop: Drop | None = None
    silence: Silence | None = None
    signals: tuple[SignalTest, ...] = ()
    age: tuple[Comparison, ...] = ()
    """Of the account, in milliseconds since the contract began or its first event."""
    renewal_within_ms: int | None = None
    """The renewal date is ahead, at most this far."""
    when: tuple[PropertyTest, ...] = ()
    """Tests on traits, `lifecycle` and `touch` among them."""

    def label(self, language: str = "en") -> str:
        """The rule in words."""
        return label_in(self.labels, language)


class Policy(Struct, frozen=True):
    """All that turns measured values into a score, a zone and rules. A profile has one of its own."""

    groups: tuple[Group, ...]
    caps: tuple[Cap, ...]
    new_account_grace_ms: int
    zones: Zones
    rules: tuple[Rule, ...] = ()


class Profile(Struct, frozen=True):
    """A policy for the accounts that pass every test. The first profile that fits is the one."""

    name: str
    when: tuple[PropertyTest, ...]
    """On traits, `lifecycle` and `touch` among them; never empty."""
    policy: Policy
