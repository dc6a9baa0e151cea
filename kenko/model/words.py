"""Small parts of a model in words: numbers, lengths of time, tests, events, signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kenko.model.phrases import ENGLISH, Phrases
from kenko.model.signal_spec import (
    ActiveDays,
    Comparison,
    DaysToRenewal,
    Latest,
    Match,
    Milestones,
    Nps,
    Op,
    PropertyTest,
    Ratio,
    Recency,
    Reference,
    Scalar,
    Signal,
    Sum,
    Tenure,
    TimeTo,
    TraitValue,
    Trend,
    Unique,
)

_LENGTHS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000))


def number(value: float) -> str:
    """`3`, `0.25`, with as many digits as it has."""
    return format(value, ".15g")


def listed(parts: Iterable[str]) -> str:
    """Parts in a row."""
    return ", ".join(parts)


class Words:
    """Says the parts of a model in one language."""

    def __init__(
        self,
        phrases: Phrases = ENGLISH,
        signals: Mapping[str, str] | None = None,
        rules: Mapping[str, str] | None = None,
        most_events: int | None = None,
    ) -> None:
        """Say it in `phrases`.

        Args:
            phrases: the language.
            signals: what signals are called; without it their names are used.
            rules: what rules are called; as above.
            most_events: of a longer list of events only so many are named; None: all.
        """
        self._phrases = phrases
        self._signals = signals or {}
        self._rules = rules or {}
        self._most_events = most_events

    def say(self, key: str, **parts: object) -> str:
        """The phrase `key` with its parts put in."""
        return self._phrases[key].format(**parts)

    def signal_name(self, name: str) -> str:
        """What a signal is called."""
        return self._signals.get(name, name)

    def rule_name(self, name: str) -> str:
        """What a rule is called."""
        return self._rules.get(name, name)

    def length(self, length_ms: int) -> str:
        """A length of time, in the largest unit that fits."""
        unit, size = next(((u, s) for u, s in _LENGTHS if length_ms and length_ms % s == 0), _LENGTHS[-1])
        count = length_ms // size
        return self.say(f"1{unit}" if count == 1 else unit, n=count)

    def reference(self, reference: Reference) -> str:
        """A signal or a trait."""
        return f"trait.{reference.name}" if reference.is_trait else self.signal_name(reference.name)

    def comparisons(self, what: str, tests: Iterable[Comparison]) -> str:
        """Numbers against numbers."""
        return listed(self.say(test.op.value, what=what, value=number(test.operand)) for test in tests)

    def lengths(self, what: str, tests: Iterable[Comparison]) -> str:
        """Lengths of time against lengths of time."""
        return listed(self.say(test.op.value, what=what, value=self.length(int(test.operand))) for test in tests)

    def tests(self, tests: Iterable[PropertyTest]) -> str:
        """Tests on properties or traits."""
        return listed(self._test(test) for test in tests)

    def _test(self, test: PropertyTest) -> str:
        if test.op is Op.EXISTS:
            return self.say("exists" if test.operand else "not_exists", what=test.property)
        values = test.operand if isinstance(test.operand, tuple) else (test.operand,)
        return self.say(test.op.value, what=test.property, value=listed(_scalar(value) for value in values))

    def match(self, match: Match) -> str:
        """Which events."""
        names = [*(match.events or ()), *(f"{prefix}*" for prefix in match.prefixes)]
        words = self._events(names) if names else self.say("any")
        excluded = [*match.excluded, *(f"{prefix}*" for prefix in match.excluded_prefixes)]
        if excluded:
            words = self.say("but", events=words, names=self._events(excluded))
        if match.sources:
            words = self.say("from", events=words, names=listed(match.sources))
        tests = [self._test(test) for test in match.tests] + ([match.cel] if match.cel is not None else [])
        return self.say("where", events=words, tests=listed(tests)) if tests else words

    def _events(self, names: list[str]) -> str:
        if self._most_events is None or len(names) <= self._most_events:
            return listed(names)
        return self.say("more", names=listed(names[: self._most_events]), n=len(names) - self._most_events)

    def signal(self, signal: Signal) -> str:
        """What is measured, and of which events."""
        if signal.match is None:
            return self._derived(signal)
        events = self.match(signal.match)
        match signal.aggregate:
            case Latest() | Nps() as answers:
                return self._answers(answers, events)
            case Recency():
                return self.say("recency", events=events)
            case Milestones(steps=steps):
                return self.say("milestones", steps=listed(steps))
            case TimeTo(steps=steps):
                return self.say("time_to", steps=listed(steps))
        return self._windowed(signal, events)

    def _windowed(self, signal: Signal, events: str) -> str:
        window = self.length(signal.window_ms or 0)
        match signal.aggregate:
            case Sum(property=name):
                return self.say("sum", property=name, window=window, events=events)
            case Unique(property=None):
                return self.say("unique_users", window=window, events=events)
            case Unique(property=name):
                return self.say("unique", property=name, window=window, events=events)
            case ActiveDays():
                return self.say("active_days", window=window, events=events)
        return self.say("count", window=window, events=events)

    def _answers(self, answers: Latest | Nps, events: str) -> str:
        key = "latest"
        if isinstance(answers, Nps):
            key = "nps_average" if answers.is_average else "nps"
        words = self.say(key, property=answers.property, events=events)
        if answers.stale_after_ms is None:
            return words
        return self.say("stale", signal=words, stale=self.length(answers.stale_after_ms))

    def _derived(self, signal: Signal) -> str:
        match signal.aggregate:
            case Ratio(numerator=above, denominator=below):
                return self.say("ratio", numerator=self.reference(above), denominator=self.reference(below))
            case Trend(of=of, baseline_ms=baseline_ms):
                return self.say("trend", of=self.signal_name(of), baseline=self.length(baseline_ms))
            case TraitValue(trait=trait):
                return self.say("trait", trait=trait)
            case Tenure():
                return self.say("tenure")
            case DaysToRenewal():
                return self.say("days_to_renewal")
        raise TypeError(f"{signal.name}: no words for {type(signal.aggregate).__name__}")


def _scalar(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else number(value)
