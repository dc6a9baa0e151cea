"""The health model as one value, with the hashes that version it."""

from __future__ import annotations

from functools import cached_property

from msgspec import Struct

from kenko.model.golden import GoldenTest
from kenko.model.hashes import score_hash, state_hash
from kenko.model.limits import MIN_HORIZON_MS
from kenko.model.score_spec import Policy, Profile
from kenko.model.signal_spec import Latest, Nps, Ratio, Reference, Signal, TraitValue, Trend

KNOWN_TRAITS = ("name", "owner", "seats", "mrr", "plan", "touch", "lifecycle", "renewal_date", "parent")
"""Traits that Kenko itself has a use for."""


class Lifecycle(Struct, frozen=True):
    """Events of a contract. The newest of them decides; an end wins a tie. Their properties are traits too."""

    started: tuple[str, ...] = ()
    renewed: tuple[str, ...] = ()
    upgraded: tuple[str, ...] = ()
    downgraded: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    onboarding_ms: int | None = None
    """The phase is onboarding for this long after the contract began, unless the trait `lifecycle` says otherwise."""
    renewal_ms: int | None = None
    """The phase is renewal from this long before the renewal date."""

    @property
    def runs(self) -> tuple[str, ...]:
        """Events after which there is a contract."""
        return (*self.started, *self.renewed, *self.upgraded, *self.downgraded)


class Traits(Struct, frozen=True):
    """Where facts about an account come from."""

    events: tuple[str, ...] = ()
    """Events whose properties are traits; they are no use of the product."""
    aliases: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(trait, the properties that fill it, first found first). A trait's own name always fills it."""
    high_touch_mrr: float | None = None
    """Where no `touch` is given: high from this recurring revenue a month on."""
    low_touch_mrr: float | None = None
    """And low from this; below it tech."""


class Calibration(Struct, frozen=True):
    """From a score to the probability that the account leaves within `within_ms`."""

    points: tuple[tuple[float, float], ...]
    """(score, probability): straight lines between them."""
    within_ms: int


class HealthModel(Struct, frozen=True, dict=True):
    """What decides a score. Signals are ordered by name: that is their place among the values of a row."""

    name: str
    version: int
    signals: tuple[Signal, ...]
    base: Policy
    """For accounts that no profile fits."""
    profiles: tuple[Profile, ...] = ()
    lifecycle: Lifecycle = Lifecycle()
    traits: Traits = Traits()
    calibration: Calibration | None = None
    tests: tuple[GoldenTest, ...] = ()
    """What the model's own file expects of it. Decides nothing."""
    description: str = ""

    @cached_property
    def state_hash(self) -> str:
        """What the stored signals of a row depend on: another hash means another keyspace, rebuilt from the log."""
        spans = [self.span_ms(signal) for signal in self.stored]
        return state_hash(
            self.stored,
            spans,
            lifecycle=self.lifecycle,
            traits=self.traits,
            trait_names=self.trait_names,
            follows_rhythm=self.follows_rhythm,
        )

    @cached_property
    def score_hash(self) -> str:
        """All that decides a result: the model, the limits and the version of the engine. Words do not."""
        return score_hash(self)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The base, then one a profile."""
        return (self.base, *(profile.policy for profile in self.profiles))

    @cached_property
    def stored(self) -> tuple[Signal, ...]:
        """Signals with an accumulator, in the order of their cells in a row."""
        return tuple(signal for signal in self.signals if signal.is_stored)

    @cached_property
    def trait_names(self) -> tuple[str, ...]:
        """Traits that a row keeps: the known ones, those the model declares, and those it reads."""
        read: set[str] = set()
        references: list[Reference] = []
        for signal in self.signals:
            if isinstance(signal.aggregate, Ratio):
                references += [signal.aggregate.numerator, signal.aggregate.denominator]
            elif isinstance(signal.aggregate, TraitValue):
                read.add(signal.aggregate.trait)
        for policy in self.policies:
            references += [i.per for group in policy.groups for i in group.inputs if i.per is not None]
            read |= {test.property for rule in policy.rules for test in rule.when}
        read |= {test.property for profile in self.profiles for test in profile.when}
        read |= {reference.name for reference in references if reference.is_trait}
        read |= {name for name, _ in self.traits.aliases}
        return (*KNOWN_TRAITS, *sorted(read - set(KNOWN_TRAITS)))

    @property
    def follows_rhythm(self) -> bool:
        """True if a rule judges silence: then a row remembers on which days the account was used."""
        return any(rule.silence is not None for policy in self.policies for rule in policy.rules)

    def span_ms(self, signal: Signal) -> int | None:
        """How far back a windowed signal is kept: its window, and the baseline of a trend that reads it."""
        if signal.window_ms is None:
            return None
        baselines = [
            s.aggregate.baseline_ms
            for s in self.signals
            if isinstance(s.aggregate, Trend) and s.aggregate.of == signal.name
        ]
        return signal.window_ms + max(baselines, default=0)

    @cached_property
    def horizon_ms(self) -> int:
        """How far back an event still counts: an older one is too late."""
        spans = [self.span_ms(signal) or 0 for signal in self.signals]
        spans += [s.aggregate.stale_after_ms or 0 for s in self.signals if isinstance(s.aggregate, Latest | Nps)]
        return max([MIN_HORIZON_MS, *spans])
