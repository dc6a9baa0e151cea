"""When a rule begins to hold, and when it ends."""

from __future__ import annotations

from datetime import timedelta

from kenko.engine.closes import closes
from kenko.engine.scorer import Scorer
from kenko.model import load_model
from schemas.base import from_ms
from schemas.transition import Cause, RuleKind

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def told_of(transitions, rule):
    return [(t.active, (t.time - transitions[0].time).days) for t in transitions if t.rule == rule]


class TestRules:
    def test_a_drop_compares_with_the_highest_close_and_ends_when_that_has_left(self, live):
        it = live("rules: [{name: fast-drop, kind: churn, drop: {points: 15, within: 3d}}]\n")
        for day in range(3):
            it.at(day + 0.1, "Login", times=1 if day else 9)
            it.tick(day + 0.5)
        it.ticks(7, 14)
        transitions = it.run()
        assert told_of(transitions, "fast-drop") == [(True, 6), (False, 10)]
        drop = next(t for t in transitions if t.rule == "fast-drop")
        assert (drop.kind, drop.label, drop.holds, drop.from_zone) == (RuleKind.CHURN, "fast drop", True, drop.to_zone)
        assert max(close.score for close in closes(it.state)) == 10_000

    def test_silence_is_judged_against_the_accounts_own_rhythm(self, live):
        rule = "rules: [{name: gone-quiet, kind: churn, silence: {factor: 3, at_least: 2d}}]\n"
        daily, weekly = live(rule), live(rule)
        for day in range(10):
            daily.at(day, "Login")
            weekly.at(7 * day, "Login")
        daily.ticks(0, 20)
        weekly.ticks(0, 100)
        daily.log.sort(key=lambda record: record if isinstance(record, int) else 0)
        weekly.log.sort(key=lambda record: record if isinstance(record, int) else 0)
        (quiet,) = [t for t in daily.run() if t.rule == "gone-quiet"]
        assert quiet.time == from_ms(daily.state.last_seen_ms + 3 * DAY_MS)
        (quiet,) = [t for t in weekly.run() if t.rule == "gone-quiet"]
        assert quiet.time == from_ms(weekly.state.last_seen_ms + 21 * DAY_MS)
        weekly.at(101, "Login")
        weekly.tick(101)
        assert [t.active for t in weekly.run() if t.rule == "gone-quiet"] == [True, False]

    def test_too_few_days_of_use_are_no_rhythm(self, live):
        it = live("rules: [{name: gone-quiet, kind: churn, silence: {factor: 2}}]\n")
        it.at(0, "Login", times=50)
        it.ticks(0, 30)
        assert [t for t in it.run() if t.rule == "gone-quiet"] == []

    def test_a_hold_delays_the_beginning_and_another_the_end(self, live):
        it = live("rules: [{name: unhappy, kind: sentiment, signal: {nps: {lt: 0}}, for: 2d, clear_for: 1d}]\n")
        it.at(0, "NPS", score=3)
        it.ticks(0, 5, 0.25)
        it.at(5, "NPS", score=10)
        it.at(5, "NPS", score=10)
        it.ticks(5, 7, 0.25)
        begin, end = [t for t in it.run() if t.rule == "unhappy"]
        assert (begin.active, end.active) == (True, False)
        assert begin.time - it.log[0].time == timedelta(days=2)
        assert (end.time - begin.time).days == 4

    def test_a_condition_that_comes_and_goes_within_its_hold_tells_nobody(self, live):
        it = live("rules: [{name: unhappy, kind: sentiment, signal: {nps: {lt: 0}}, for: 2d}]\n")
        it.at(0, "NPS", score=3)
        it.tick(0)
        it.at(1, "NPS", score=10)
        it.tick(1)
        it.ticks(2, 9)
        assert [t for t in it.run() if t.rule == "unhappy"] == []

    def test_a_milestone_stalls_with_age(self, live):
        it = live("rules: [{name: stalled, kind: onboarding, signal: {setup: {lt: 1}}, age: {gte: 5d, lt: 9d}}]\n")
        it.at(0, "Signed")
        it.at(0.2, "Login")
        it.ticks(0, 12)
        begin, end = [t for t in it.run() if t.rule == "stalled"]
        assert begin.time == from_ms(it.state.began_ms + 5 * DAY_MS)
        assert end.time == from_ms(it.state.began_ms + 9 * DAY_MS)
        assert (begin.kind, begin.cause) == (RuleKind.ONBOARDING, Cause.PASSING_TIME)

    def test_a_renewal_comes_near(self, live):
        it = live("rules: [{name: risk, kind: renewal, zone: [red], renewal_within: 20d}]\n")
        it.at(0, "Signed", term_end="2024-11-03")  # 30 days after the log's first
        it.at(0, "Login")
        it.ticks(0, 35)
        begin, end = [t for t in it.run() if t.rule == "risk"]
        assert (begin.time.isoformat()[:10], end.time.isoformat()[:10]) == ("2024-10-14", "2024-11-04")
        assert begin.account.renewal_date.isoformat()[:10] == "2024-11-03"

    def test_the_end_of_a_contract_ends_every_rule(self, live):
        it = live("rules: [{name: unhappy, kind: sentiment, signal: {nps: {lt: 0}}}]\n")
        it.at(0, "NPS", score=3)
        it.tick(0)
        it.at(1, "Cancelled")
        it.tick(1)
        assert told_of(it.run(), "unhappy") == [(True, 0), (False, 1)]

    def test_a_rule_that_a_new_model_does_not_have_ends(self, live, live_text):
        it = live("rules: [{name: unhappy, kind: sentiment, signal: {nps: {lt: 0}}}]\n")
        it.at(0, "NPS", score=3)
        it.tick(0)
        it.run()
        without = Scorer(load_model(live_text))
        state = without.decode("acme", it.scorer.encode(it.state))
        evaluation = without.evaluate(state, it.log[-1] + 1)
        assert [(change.name, change.holds) for change in evaluation.rules] == [("unhappy", False)]
        assert state.rules == {}
