"""What is measured, as values: frozen, validated, in the units the engine computes in (milliseconds)."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

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
    """One test on one property of an event, or on one trait of an account. A name is taken literally, dots and all."""

    property: str
    op: Op
    operand: Scalar | tuple[Scalar, ...]


class Comparison(Struct, frozen=True):
    """A number against a number."""

    op: Op
    operand: float


class Match(Struct, frozen=True):
    """Which events a signal looks at: those that pass every part."""

    events: tuple[str, ...] | None
    """Exact names; None: any event, or those that begin with one of the prefixes where there are any."""
    prefixes: tuple[str, ...] = ()
    """Beginnings of names, besides the exact ones."""
    excluded: tuple[str, ...] = ()
    excluded_prefixes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    """Empty: whoever sent it."""
    tests: tuple[PropertyTest, ...] = ()
    """All must hold."""
    cel: str | None = None
    """An expression in CEL over `event`, `user_id`, `source` and `properties`; needs the extra `cel`."""


class Reference(Struct, frozen=True):
    """A signal, or a numeric trait of the account (`trait.seats`)."""

    name: str
    is_trait: bool


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


class Nps(Struct, frozen=True, tag="nps"):
    """The latest answer of each user: 9 and 10 promote, 0 to 6 detract."""

    property: str
    stale_after_ms: int | None
    """An answer of this age no longer counts."""
    is_average: bool
    """True: the mean answer. False: promoters less detractors, in percent of those who answered, -100 to 100."""


class Recency(Struct, frozen=True, tag="recency"):
    """Days since the newest event."""


class Milestones(Struct, frozen=True, tag="milestones"):
    """Which share of these events has happened at least once."""

    steps: tuple[str, ...]


class TimeTo(Struct, frozen=True, tag="time_to"):
    """Days from the beginning (the newest contract start, else the first event) to the first of these events; while
    none has come, the days that have passed so far. Events before the beginning count as on day 0.
    """

    steps: tuple[str, ...]


class Ratio(Struct, frozen=True, tag="ratio"):
    """One number for each of another; no data where the denominator is unknown or not above 0."""

    numerator: Reference
    denominator: Reference


class Trend(Struct, frozen=True, tag="trend"):
    """A windowed count, sum or number of active days, against the account's own past: 1 is as ever, 0.5 half of it."""

    of: str
    baseline_ms: int
    """Length of the past that ends where the window of `of` begins."""


class TraitValue(Struct, frozen=True, tag="trait"):
    """A numeric trait of the account."""

    trait: str


class Tenure(Struct, frozen=True, tag="tenure"):
    """Days since the contract began, or since the first event where none did."""


class DaysToRenewal(Struct, frozen=True, tag="days_to_renewal"):
    """Days until the renewal date; below 0 when it has passed; no data where there is no date."""


Stored = Count | Sum | Unique | ActiveDays | Latest | Nps | Recency | Milestones | TimeTo
"""Aggregates of events: each has an accumulator in the row."""
Derived = Ratio | Trend | TraitValue | Tenure | DaysToRenewal
"""Read from other signals, from traits and from time: no accumulator of their own."""
Aggregate = Stored | Derived


class Signal(Struct, frozen=True):
    """One measured behaviour."""

    name: str
    match: Match | None
    """None for a derived one."""
    aggregate: Aggregate
    window_ms: int | None
    """None for those that look back as far as there is data, and for derived ones."""
    labels: tuple[tuple[str, str], ...]
    """(language, text), sorted; never empty."""
    unit: str

    @property
    def is_stored(self) -> bool:
        """True if the row holds an accumulator for it."""
        return isinstance(self.aggregate, Stored)

    def label(self, language: str = "en") -> str:
        """The signal in words, in `language` if the model has it, else in English, else in the first it has."""
        return label_in(self.labels, language)


def label_in(labels: tuple[tuple[str, str], ...], language: str) -> str:
    """The words in `language` if there are any, else in English, else the first."""
    found = dict(labels)
    return found.get(language) or found.get("en") or labels[0][1]
