"""The health model as values: frozen, validated, in the units the engine computes in (milliseconds)."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property

from msgspec import Struct

from kenko.model.hashes import score_hash, state_hash
from kenko.model.limits import MIN_HORIZON_MS

Scalar = str | int | float | bool


class Op(StrEnum):
    """How a value is compared."""

    EQ = "eq"
    IN = "in"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    EXISTS = "exists"


class PropertyTest(Struct, frozen=True):
    """One test on one property of an event. A property is a key at the top of `properties`, taken literally."""

    property: str
    op: Op
    operand: Scalar | tuple[Scalar, ...]


class Match(Struct, frozen=True):
    """Which events a signal looks at."""

    events: tuple[str, ...] | None
    """Exact names; None: any event."""
    excluded: tuple[str, ...] = ()
    tests: tuple[PropertyTest, ...] = ()
    """All must hold."""


class Count(Struct, frozen=True, tag="count"):
    """How many events."""


class Sum(Struct, frozen=True, tag="sum"):
    """Sum of a numeric property."""

    property: str


class Unique(Struct, frozen=True, tag="unique"):
    """How many different users, or values of a property."""

    property: str | None
    """None: the user."""


class ActiveDays(Struct, frozen=True, tag="active_days"):
    """On how many days (UTC) something happened."""


class Latest(Struct, frozen=True, tag="latest"):
    """The newest value of a numeric property."""

    property: str
    stale_after_ms: int | None
    """No data from this age on; None: a value never grows stale."""


class Recency(Struct, frozen=True, tag="recency"):
    """Days since the newest event."""


class Milestones(Struct, frozen=True, tag="milestones"):
    """Which share of these events has happened at least once."""

    steps: tuple[str, ...]


Aggregate = Count | Sum | Unique | ActiveDays | Latest | Recency | Milestones


class Signal(Struct, frozen=True):
    """One measured behaviour."""

    name: str
    match: Match
    aggregate: Aggregate
    window_ms: int | None
    """None for latest, recency and milestones, which look back as far as there is data."""
    labels: tuple[tuple[str, str], ...]
    """(language, text); never empty."""
    unit: str

    def label(self, language: str = "en") -> str:
        """The signal in words, in `language` if the model has it, else in English, else in the first it has."""
        labels = dict(self.labels)
        return labels.get(language) or labels.get("en") or self.labels[0][1]


class Points(Struct, frozen=True, tag="points"):
    """Straight lines between (value, health) points; flat before the first and after the last."""

    points: tuple[tuple[float, float], ...]


class HalfLife(Struct, frozen=True, tag="half_life"):
    """100 at age 0, halved each half-life."""

    half_life_ms: int


Curve = Points | HalfLife


class Missing(StrEnum):
    """What an input without data does to the score."""

    REDISTRIBUTE = "redistribute"
    """Its weight goes to the other inputs of its group, or to the other groups where its group has none."""
    WORST = "worst"
    """Counts as 0."""
    NEUTRAL = "neutral"
    """Counts as 50."""


class Input(Struct, frozen=True):
    """A signal, and what it adds to its group."""

    signal: str
    weight: float
    curve: Curve
    missing: Missing


class Group(Struct, frozen=True):
    """Inputs that share a weight."""

    name: str
    weight: float
    inputs: tuple[Input, ...]


class Comparison(Struct, frozen=True):
    """A signal's value against a number."""

    op: Op
    operand: float


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


class Lifecycle(Struct, frozen=True):
    """Events that begin and end a contract; the newest of them decides, an end wins a tie."""

    started: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()


class HealthModel(Struct, frozen=True, dict=True):
    """What decides a score. Signals are ordered by name: that is their place in a row."""

    name: str
    version: int
    signals: tuple[Signal, ...]
    groups: tuple[Group, ...]
    caps: tuple[Cap, ...]
    new_account_grace_ms: int
    zones: Zones
    lifecycle: Lifecycle

    @cached_property
    def state_hash(self) -> str:
        """What the stored signals of a row depend on: another hash means another keyspace, rebuilt from the log."""
        return state_hash(self.signals, self.lifecycle)

    @cached_property
    def score_hash(self) -> str:
        """All that decides a result: the model, the limits and the version of the engine. Words do not."""
        return score_hash(self)

    @property
    def horizon_ms(self) -> int:
        """How far back an event still counts: an older one is too late."""
        spans = [signal.window_ms or 0 for signal in self.signals]
        spans += [s.aggregate.stale_after_ms or 0 for s in self.signals if isinstance(s.aggregate, Latest)]
        return max([MIN_HORIZON_MS, *spans])
