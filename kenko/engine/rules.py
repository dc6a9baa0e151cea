"""Rules: conditions of their own beside the zones. Each begins to hold or ends, and both are transitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from kenko.engine.assessing import UNKNOWN_GAP, Recall
from kenko.engine.closes import highest_close
from kenko.engine.comparing import number_test, raw_test, value_test
from kenko.engine.rhythm import usual_gap_ms
from kenko.engine.signals.table import SignalTable
from kenko.engine.state import AccountState
from kenko.engine.traits import TraitRules, began_ms, renewal_ms
from kenko.model.limits import DAY_MS
from kenko.model.score_spec import Drop, Rule, SignalTest, Silence
from kenko.model.signal_spec import PropertyTest
from schemas.health import Standing, Zone, centi


class Situation(NamedTuple):
    """What a rule looks at: an account right after it was scored."""

    state: AccountState
    now_ms: int
    heard_ms: int
    """Until when uses could be heard of: before now while all sources are silent."""
    standing: Standing
    score: int | None
    raws: Sequence[int | None]
    recall: Recall


class Verdict(NamedTuple):
    """Whether a condition holds, and when passing time alone can change that (besides what changes the score)."""

    holds: bool
    next_ms: int | None = None


Test = Callable[[Situation], bool]
Timed = Callable[[Situation], Verdict]
_HOLDS, _FAILS = Verdict(holds=True), Verdict(holds=False)
_NO_MARK = (False, None)


class RuleChange(NamedTuple):
    """A rule that began to hold, or ended."""

    name: str
    holds: bool
    rule: Rule | None
    """None: the model has no such rule any more."""


class RuleSet:
    """The rules of one policy, compiled."""

    def __init__(
        self, rules: Sequence[Rule], known: Mapping[str, Rule], table: SignalTable, traits: TraitRules
    ) -> None:
        """`known`: the rules of all policies. One that this policy does not have ends."""
        self._rules = [_compiled(rule, table, traits) for rule in rules]
        self._columns = reduce(or_, (rule.columns for rule in self._rules), 0)
        self._known = known
        self._names = frozenset(rule.name for rule in rules)

    def decide(self, situation: Situation) -> tuple[list[RuleChange], int | None]:
        """Move the account's rules on; what changed, and when passing time alone can change one next."""
        state, now_ms, _, standing, _, _, recall = situation
        marks = state.rules
        changes = self._end_unknown(marks) if marks else []
        next_ms: int | None = None
        churned, zone, passed = standing is Standing.CHURNED, state.zone, self._passed(situation, recall)
        for number, (rule, zones, _, _, timed) in enumerate(self._rules):
            holds, change_ms = passed[number] and not churned and (zones is None or zone in zones), None
            if holds and timed:
                holds, change_ms = _judge(timed, situation)
            if holds or (marks and rule.name in marks):
                change, hold_ms = self._move(marks, rule, holds=holds, now_ms=now_ms)
                if change is not None:
                    changes.append(change)
                if hold_ms is not None:
                    change_ms = hold_ms if change_ms is None else min(change_ms, hold_ms)
            if change_ms is not None and (next_ms is None or change_ms < next_ms):
                next_ms = change_ms
        return changes, next_ms

    def _passed(self, situation: Situation, recall: Recall) -> list[bool]:
        """By rule: whether its tests on signals and traits hold; made anew only where what they look at has changed."""
        if recall.passed_by is not self or recall.read < 0:
            recall.passed_by = self
            recall.passed = [all(test(situation) for test in rule.tests) for rule in self._rules]
        elif recall.read & self._columns:
            for number, (_, _, columns, tests, _) in enumerate(self._rules):
                if columns & recall.read:
                    recall.passed[number] = all(test(situation) for test in tests)
        return recall.passed

    @staticmethod
    def _move(
        marks: dict[str, list[Any]], rule: Rule, *, holds: bool, now_ms: int
    ) -> tuple[RuleChange | None, int | None]:
        """What became of a rule whose condition holds now, or not; and when the hold that runs is over."""
        held, since = marks.get(rule.name, _NO_MARK)
        if holds == held:
            if since is not None:  # what was about to change is as before again
                _mark(marks, rule.name, held=held, since=None)
            return None, None
        since = now_ms if since is None else since
        end = since + (rule.clear_for_ms if held else rule.for_ms)
        if now_ms < end:
            _mark(marks, rule.name, held=held, since=since)
            return None, end
        _mark(marks, rule.name, held=not held, since=None)
        return RuleChange(rule.name, not held, rule), None

    def _end_unknown(self, marks: dict[str, list[Any]]) -> list[RuleChange]:
        gone = [name for name in marks if name not in self._names]
        return [RuleChange(name, False, self._known.get(name)) for name in sorted(gone) if marks.pop(name)[0]]


def _mark(marks: dict[str, list[Any]], name: str, *, held: bool, since: int | None) -> None:
    if held or since is not None:
        marks[name] = [held, since]
    else:
        marks.pop(name, None)


def _judge(timed: Sequence[Timed], situation: Situation) -> Verdict:
    """All hold. While one fails, only its own change can matter; while all hold, the earliest."""
    next_ms: int | None = None
    for condition in timed:
        holds, change_ms = condition(situation)
        if not holds:
            return Verdict(holds=False, next_ms=change_ms)
        if change_ms is not None and (next_ms is None or change_ms < next_ms):
            next_ms = change_ms
    return Verdict(holds=True, next_ms=next_ms)


class _Compiled(NamedTuple):
    """A rule, in the order in which its parts are asked."""

    rule: Rule
    zones: frozenset[Zone | None] | None
    columns: int
    """Columns that the tests look at, a bit each."""
    tests: tuple[Test, ...]
    """On signals and traits: they hold or fail until one of those changes."""
    timed: tuple[Timed, ...]
    """What passing time alone can change."""


def _compiled(rule: Rule, table: SignalTable, traits: TraitRules) -> _Compiled:
    columns = reduce(or_, (1 << table.column_of(test.signal) for test in rule.signals), 0)
    tests = [_on_signal(test, table) for test in rule.signals] + [_on_trait(test, traits) for test in rule.when]
    return _Compiled(rule, frozenset(rule.zones) if rule.zones else None, columns, tuple(tests), tuple(_timed(rule)))


def _timed(rule: Rule) -> list[Timed]:
    """The conditions that passing time alone can change."""
    timed: list[Timed] = []
    if rule.drop is not None:
        timed.append(_on_drop(rule.drop))
    if rule.silence is not None:
        timed.append(_on_silence(rule.silence))
    if rule.age:
        timed.append(_on_age(rule))
    if rule.renewal_within_ms is not None:
        timed.append(_on_renewal(rule.renewal_within_ms))
    return timed


def _on_signal(test: SignalTest, table: SignalTable) -> Test:
    column = table.column_of(test.signal)
    passes = raw_test(test.tests, table.unit(column))

    def is_so(s: Situation) -> bool:
        raw = s.raws[column]
        return raw is not None and passes(raw)

    return is_so


def _on_trait(test: PropertyTest, traits: TraitRules) -> Test:
    name, fits = test.property, value_test(test)
    return lambda s: fits(traits.of(s.state, name, s.now_ms))


def _on_drop(drop: Drop) -> Timed:
    points, days = centi(drop.points), drop.within_days

    def fell(s: Situation) -> Verdict:
        if s.score is None or s.standing is Standing.NEW:
            return _FAILS
        known = s.recall.highest
        if days not in known:
            known[days] = highest_close(s.state, days)
        highest = known[days]
        if highest is None or highest - s.score < points:
            return _FAILS
        return Verdict(holds=True, next_ms=(s.now_ms // DAY_MS + 1) * DAY_MS)  # an old close leaves at midnight

    return fell


def _on_silence(silence: Silence) -> Timed:
    def is_silent(s: Situation) -> Verdict:
        gap, last = s.recall.gap_ms, s.state.last_seen_ms
        if gap == UNKNOWN_GAP:
            gap = s.recall.gap_ms = usual_gap_ms(s.state)
        if gap is None or last is None:
            return _FAILS
        begins = last + max(int(silence.factor * gap), silence.at_least_ms)
        if s.heard_ms >= begins:
            return _HOLDS
        return Verdict(holds=False, next_ms=begins if begins > s.now_ms else None)

    return is_silent


def _on_age(rule: Rule) -> Timed:
    passes = number_test(rule.age)
    # An edge counts from itself or from just behind it: a millisecond later both have changed.
    edges = sorted({at for test in rule.age for at in (int(test.operand), int(test.operand) + 1)})

    def is_of_age(s: Situation) -> Verdict:
        began = began_ms(s.state)
        if began is None:
            return _FAILS
        age = s.now_ms - began
        for edge in edges:
            if age < edge:
                return Verdict(holds=passes(age), next_ms=began + edge)
        return _HOLDS if passes(age) else _FAILS

    return is_of_age


def _on_renewal(within_ms: int) -> Timed:
    def is_near(s: Situation) -> Verdict:
        date_ms = renewal_ms(s.state)
        if date_ms is None or s.now_ms >= date_ms + DAY_MS:
            return _FAILS
        begins = date_ms - within_ms
        if s.now_ms < begins:
            return Verdict(holds=False, next_ms=begins)
        return Verdict(holds=True, next_ms=date_ms + DAY_MS)

    return is_near
