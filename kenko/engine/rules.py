"""Rules: conditions of their own beside the zones. Each begins to hold or ends, and both are transitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, reduce
from operator import or_
from typing import Any, NamedTuple

from kenko.engine.assessing import Recall
from kenko.engine.conditions import Situation, Test, Timed, test_of, timed_of
from kenko.engine.signals.quotients import earlier
from kenko.engine.signals.table import SignalTable
from kenko.engine.traits import TraitRules
from kenko.model.score_spec import Rule
from schemas.health import Standing, Zone

_NO_MARK = (False, None)
_MOST_CACHED = 4096


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
        self._rules = {rule.name: _compiled(rule, table, traits) for rule in rules}
        self._columns = reduce(or_, (rule.columns for rule in self._rules.values()), 0)
        self._readers = lru_cache(_MOST_CACHED)(self._find_readers)
        self._known = known

    def decide(self, situation: Situation) -> tuple[list[RuleChange], int | None]:
        """Move the account's rules on; what changed, and when passing time alone can change one next."""
        state, now_ms, _, standing, _, _, recall = situation
        live, zone, churned = self._live(situation, recall), state.zone, standing is Standing.CHURNED
        calm: _Calm | None = recall.calm
        changes: list[RuleChange] = []
        if calm is not None and calm.lasts(live, zone, now_ms, churned=churned):
            _, own_ms = self._ask(calm.others, live, situation, changes)
            return changes, earlier(calm.next_ms, own_ms)
        asked = live  # one that is not marked and whose tests fail stays as it is
        if not state.rules.keys() <= live.keys():
            changes = self._end_unknown(state.rules)
            asked = self._rules
        next_ms, own_ms = self._ask(asked, live, situation, changes)
        recall.calm = None
        if asked is live:
            others = {name: rule for name, rule in live.items() if rule.moves_by_itself}
            recall.calm = _Calm(live, zone, churned, next_ms, others)
        return changes, earlier(next_ms, own_ms)

    def _ask(
        self,
        asked: Mapping[str, _Compiled],
        live: Mapping[str, _Compiled],
        situation: Situation,
        changes: list[RuleChange],
    ) -> tuple[int | None, int | None]:
        """Move these rules on. Answers when passing time can change one next: of the calm ones, and of the others."""
        marks, now_ms, zone = situation.state.rules, situation.now_ms, situation.state.zone
        churned = situation.standing is Standing.CHURNED
        calm_ms: int | None = None
        own_ms: int | None = None
        for name, (rule, zones, _, _, judge, moves_by_itself) in asked.items():
            holds, change_ms = name in live and not churned and (zones is None or zone in zones), None
            if holds and judge is not None:
                holds, change_ms = judge(situation)
            held, since = marks.get(name, _NO_MARK)
            if holds != held or since is not None:
                change, hold_ms = self._move(marks, rule, holds=holds, now_ms=now_ms)
                if change is not None:
                    changes.append(change)
                change_ms = earlier(change_ms, hold_ms)
            if change_ms is None:
                continue
            if moves_by_itself:
                own_ms = earlier(own_ms, change_ms)
            else:
                calm_ms = earlier(calm_ms, change_ms)
        return calm_ms, own_ms

    def _live(self, situation: Situation, recall: Recall) -> dict[str, _Compiled]:
        """The rules whose tests on signals and traits hold; asked anew only where what they look at has changed."""
        read, before = recall.read, recall.live
        if recall.passed_by is not self or read < 0:
            recall.passed_by = self
            before, read = {}, -1
        else:
            for name, rule in self._readers(read & self._columns):
                if rule.passes(situation) != (name in before):
                    break
            else:
                return before
        recall.live = {
            name: rule
            for name, rule in self._rules.items()
            if (rule.passes(situation) if read < 0 or rule.columns & read else name in before)
        }
        return recall.live

    def _find_readers(self, columns: int) -> tuple[tuple[str, _Compiled], ...]:
        """The rules that look at one of these columns."""
        return tuple((name, rule) for name, rule in self._rules.items() if rule.columns & columns)

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
        gone = [name for name in marks if name not in self._rules]
        return [RuleChange(name, False, self._known.get(name)) for name in sorted(gone) if marks.pop(name)[0]]


def _mark(marks: dict[str, list[Any]], name: str, *, held: bool, since: int | None) -> None:
    if held or since is not None:
        marks[name] = [held, since]
    else:
        marks.pop(name, None)


class _Compiled(NamedTuple):
    """A rule, in the order in which its parts are asked."""

    rule: Rule
    zones: frozenset[Zone | None] | None
    columns: int
    """Columns that the tests look at, a bit each."""
    passes: Test
    """On signals and traits: holds or fails until one of those changes."""
    judge: Timed | None
    """What passing time alone can change."""
    moves_by_itself: bool
    """The score or a use moves it, though none of its tests does and its time has not come."""


class _Calm(NamedTuple):
    """How the rules were left: those that do not move by themselves stay so as long as this lasts."""

    live: dict[str, _Compiled]
    zone: Zone | None
    churned: bool
    next_ms: int | None
    """When passing time can change one of them."""
    others: dict[str, _Compiled]
    """Those that do, of the live ones; none but live ones is marked."""

    def lasts(self, live: dict[str, _Compiled], zone: Zone | None, now_ms: int, *, churned: bool) -> bool:
        """`live` is the very dict for as long as no test gives another answer and nothing is asked anew."""
        return (
            self.live is live
            and self.zone is zone
            and self.churned is churned
            and (self.next_ms is None or now_ms < self.next_ms)
        )


def _compiled(rule: Rule, table: SignalTable, traits: TraitRules) -> _Compiled:
    columns = reduce(or_, (1 << table.column_of(test.signal) for test in rule.signals), 0)
    zones = frozenset(rule.zones) if rule.zones else None
    moves_by_itself = rule.drop is not None or rule.silence is not None
    return _Compiled(rule, zones, columns, test_of(rule, table, traits), timed_of(rule), moves_by_itself)
