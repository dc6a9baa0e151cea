"""Conditions of rules: tests on signals and traits, and what passing time alone can change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

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
from schemas.health import Standing, centi


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


Verdict = tuple[bool, int | None]
"""Whether a condition holds, and when passing time alone can change that (besides what changes the score)."""

Test = Callable[[Situation], bool]
Timed = Callable[[Situation], Verdict]
_HOLDS: Verdict = (True, None)
_FAILS: Verdict = (False, None)


def test_of(rule: Rule, table: SignalTable, traits: TraitRules) -> Test:
    """The tests of a rule on signals and traits as one: all hold."""
    tests = [_on_signal(test, table) for test in rule.signals] + [_on_trait(test, traits) for test in rule.when]
    if not tests:
        return lambda _situation: True
    return tests[0] if len(tests) == 1 else lambda s: all(test(s) for test in tests)


def timed_of(rule: Rule) -> Timed | None:
    """The conditions of a rule that passing time alone can change, as one; None: it has none.

    All hold. While one fails, only its own change can matter; while all hold, the earliest.
    """
    timed = _timed(rule)
    if len(timed) <= 1:
        return timed[0] if timed else None

    def judge(s: Situation) -> Verdict:
        next_ms: int | None = None
        for condition in timed:
            holds, change_ms = condition(s)
            if not holds:
                return False, change_ms
            if change_ms is not None and (next_ms is None or change_ms < next_ms):
                next_ms = change_ms
        return True, next_ms

    return judge


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
        return True, (s.now_ms // DAY_MS + 1) * DAY_MS  # an old close leaves at midnight

    return fell


def _on_silence(silence: Silence) -> Timed:
    factor, at_least_ms = silence.factor, silence.at_least_ms

    def is_silent(s: Situation) -> Verdict:
        state, now_ms, heard_ms, _, _, _, recall = s
        gap, last = recall.gap_ms, state.last_seen_ms
        if gap == UNKNOWN_GAP:
            gap = recall.gap_ms = usual_gap_ms(state)
        if gap is None or last is None:
            return _FAILS
        begins = last + max(int(factor * gap), at_least_ms)
        if heard_ms >= begins:
            return _HOLDS
        return (False, begins) if begins > now_ms else _FAILS

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
                return passes(age), began + edge
        return _HOLDS if passes(age) else _FAILS

    return is_of_age


def _on_renewal(within_ms: int) -> Timed:
    def is_near(s: Situation) -> Verdict:
        date_ms = renewal_ms(s.state)
        if date_ms is None or s.now_ms >= date_ms + DAY_MS:
            return _FAILS
        begins = date_ms - within_ms
        if s.now_ms < begins:
            return False, begins
        return True, date_ms + DAY_MS

    return is_near
