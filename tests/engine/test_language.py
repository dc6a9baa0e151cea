"""What the parts of the language do to an account: traits, phases, profiles, overrides, rules, silent sources."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kenko.engine.closes import closes
from kenko.engine.scorer import Scorer
from kenko.model import load_model
from schemas.account_traits import AccountTraits
from schemas.base import from_ms
from schemas.health import OVERRIDE_GROUP, Standing, Zone, centi
from schemas.override import Override
from schemas.source_state import SourceState
from schemas.transition import Cause, RuleKind

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

HEAD = """\
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: words, version: 1}
lifecycle: {started: [Signed], renewed: [Renewed], ended: [Cancelled], onboarding: 10d, renewal: 30d}
traits:
  events: [Account Updated]
  names: {renewal_date: [term_end], mrr: [revenue]}
  touch: {high: 1000, low: 100}
signals:
  logins: {match: {event: Login}, aggregate: count, window: 7d}
  crm_use: {match: {event: Deal, source: crm}, aggregate: count, window: 2d}
  nps: {match: {event: NPS}, aggregate: {nps: properties.score}, stale_after: 30d}
  setup: {milestones: [Login, Deal]}
score:
  groups:
    use: {weight: 1, inputs: [{signal: logins, curve: {points: [[0, 0], [10, 100]]}}]}
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 0s}
"""


class Live:
    """A log that is written while it runs: records at days, ticks, and what comes of them."""

    def __init__(self, world, event, start, rest=""):
        self.event, self.start = event, start
        self.world = world(Scorer(load_model(HEAD + rest)))
        self.log = []

    def at(self, day, event_name, *, times=1, source="api", **properties):
        for _ in range(times):
            made = self.event(
                event_name, self.start + int(day * DAY_MS), id_=str(len(self.log)), source=source, **properties
            )
            self.log.append(made)

    def told(self, day, **traits):
        self.log.append(
            AccountTraits(
                id=str(len(self.log)), account_id="acme", time=from_ms(self.start + int(day * DAY_MS)), traits=traits
            )
        )

    def override(self, day, score, until=None):
        self.log.append(
            Override(
                id=str(len(self.log)),
                account_id="acme",
                time=from_ms(self.start + int(day * DAY_MS)),
                score=score,
                until=None if until is None else from_ms(self.start + int(until * DAY_MS)),
                reason="a merger",
                author="sato",
            )
        )

    def source(self, name, since=None):
        self.log.append(
            SourceState(source=name, silent_since=None if since is None else from_ms(self.start + int(since * DAY_MS)))
        )

    def tick(self, day):
        self.log.append(self.start + int(day * DAY_MS))

    def ticks(self, first, last, step=0.5):
        for number in range(int((last - first) / step) + 1):
            self.tick(first + number * step)

    def run(self):
        self.world.run(self.log)
        self.state = self.world.states()["acme"]
        self.scorer = self.world.scorer
        return list(self.world.transitions.values())

    def health(self, day):
        now_ms = self.start + int(day * DAY_MS)
        return self.scorer.health(self.state, now_ms, self.world.store.fence().silent)

    def facts(self, day):
        return self.scorer.facts(self.state, self.start + int(day * DAY_MS))


@pytest.fixture
def live(world, event, start):
    return lambda rest="": Live(world, event, start, rest)


def told_of(transitions, rule):
    return [(t.active, (t.time - transitions[0].time).days) for t in transitions if t.rule == rule]


class TestTraits:
    def test_they_come_from_records_contract_events_and_updates_and_the_newest_by_time_counts(self, live):
        it = live()
        it.at(1, "Signed", revenue=2000, term_end="2024-12-31", plan="pro")
        it.told(3, seats=40, owner="sato")
        it.at(2, "Account Updated", seats=10, name="Acme Ltd")
        it.tick(4)
        it.run()
        facts = it.facts(4)
        assert (facts.name, facts.owner, facts.plan, facts.seats, facts.mrr) == ("Acme Ltd", "sato", "pro", 40, 2000)
        assert facts.renewal_date.isoformat() == "2024-12-31T00:00:00+00:00"
        assert it.state.last_seen_ms is None, "none of these is a use of the product"

    def test_touch_follows_from_revenue_unless_it_is_said(self, live):
        for mrr, touch in ((1000, "high"), (999, "low"), (99.5, "tech")):
            it = live()
            it.told(0, mrr=mrr)
            it.tick(1)
            it.run()
            assert it.facts(1).touch == touch
        it.told(2, touch="low")
        it.log.append(it.log[-1].model_copy(update={"id": "again", "traits": {"mrr": 5000}}))
        it.tick(3)
        it.run()
        assert it.facts(3).touch == "low"

    def test_null_forgets_and_nonsense_is_ignored_and_counted(self, live):
        it = live()
        it.told(0, seats=5, owner="sato")
        it.told(1, seats="many", owner=None, renewal_date="soon", mrr=1e300)
        it.tick(2)
        it.run()
        assert (it.facts(2).seats, it.facts(2).owner, it.facts(2).mrr) == (5, None, None)
        assert it.world.store.fence().counts["ignored_values"] == 3

    def test_an_account_of_which_only_traits_are_known_is_unknown(self, live):
        it = live()
        it.told(0, seats=5)
        it.tick(1)
        it.run()
        assert it.health(1).standing is Standing.UNKNOWN

    def test_the_phase_follows_the_contract(self, live):
        it = live()
        it.at(0, "Signed", term_end="2025-01-01", revenue=50)
        it.tick(1)
        it.run()  # the log begins on 2024-10-04
        assert [it.facts(day).lifecycle for day in (9.9, 10, 58.9, 59, 89.9, 90)] == [
            "onboarding",
            "adoption",
            "adoption",
            "renewal",
            "renewal",
            "adoption",
        ]
        it.at(50, "Cancelled")
        it.tick(51)
        it.run()
        assert (it.facts(51).lifecycle, it.facts(51).mrr) == ("churned", 0)
        it.at(52, "Renewed", revenue=70)
        it.tick(53)
        it.run()
        assert (it.facts(53).lifecycle, it.facts(53).mrr) == ("adoption", 70)


class TestProfiles:
    REST = """\
profiles:
  - {name: starters, when: {lifecycle: onboarding}, override: {zones.red: {below: 10, clear_above: 15}}}
  - {name: big, when: {trait.touch: high}, override: {zones.red: {below: 60, clear_above: 65}}}
"""

    def test_the_first_that_fits_decides_and_time_alone_can_end_it(self, live):
        it = live(self.REST)
        it.at(0, "Signed", revenue=5000)
        it.at(9, "Login", times=5)  # 50 points
        it.ticks(9, 12)
        transitions = it.run()
        assert [(t.profile, t.to_zone) for t in transitions] == [("starters", Zone.YELLOW), ("big", Zone.RED)]
        assert transitions[1].time == from_ms(it.state.began_ms + 10 * DAY_MS)
        assert transitions[1].cause is Cause.PASSING_TIME


class TestOverrides:
    def test_one_sets_the_score_until_it_ends_and_stands_in_the_receipt(self, live):
        it = live()
        it.at(0, "Login", times=9)
        it.tick(0.1)
        it.override(1, 20, until=3)
        it.ticks(1, 4)
        first, down, up = it.run()
        assert (first.to_zone, down.to_zone, up.to_zone) == (Zone.GREEN, Zone.RED, Zone.GREEN)
        assert (down.cause, up.cause) == (Cause.OVERRIDE, Cause.OVERRIDE)
        assert down.receipt.change.parts == {Cause.OVERRIDE: -70.0}
        by_group = {item.group: item for item in down.receipt.contributions}
        assert by_group[OVERRIDE_GROUP].points == -70
        assert by_group[OVERRIDE_GROUP].label == "Set by sato: a merger"
        assert sum(centi(item.points) for item in down.receipt.contributions) == 2000
        assert (up.time - down.time).days == 2

    def test_the_newest_by_time_counts_and_null_lifts(self, live):
        it = live()
        it.at(0, "Login", times=9)
        it.override(2, 30)
        it.override(1, 80)
        it.tick(3)
        it.run()
        assert it.health(3).score == 30
        it.override(4, None)
        it.tick(5)
        it.run()
        assert it.health(5).score == 90

    def test_one_holds_in_grace_and_without_data_but_not_after_the_end(self, live):
        it = live()
        it.override(0, 30)
        it.tick(1)
        it.run()
        assert (it.health(1).standing, it.health(1).score, it.health(1).zone) == (Standing.SCORED, 30, Zone.RED)
        it.at(2, "Cancelled")
        it.tick(3)
        it.run()
        assert (it.health(3).standing, it.health(3).score) == (Standing.CHURNED, None)


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

    def test_a_rule_that_a_new_model_does_not_have_ends(self, live):
        it = live("rules: [{name: unhappy, kind: sentiment, signal: {nps: {lt: 0}}}]\n")
        it.at(0, "NPS", score=3)
        it.tick(0)
        it.run()
        without = Scorer(load_model(HEAD))
        state = without.decode("acme", it.scorer.encode(it.state))
        evaluation = without.evaluate(state, it.log[-1] + 1)
        assert [(change.name, change.holds) for change in evaluation.rules] == [("unhappy", False)]
        assert state.rules == {}


class TestLateData:
    def test_what_came_late_is_told_apart_from_what_was_done_since(self, live):
        it = live()
        it.at(3, "Login", times=1)
        it.tick(3)
        it.at(2, "Login", times=6)  # known a day late
        it.at(3.5, "Login", times=1)
        it.tick(3.6)
        first, second = it.run()
        assert second.receipt.change.parts == {Cause.LATE_DATA: 60.0, Cause.BEHAVIOUR: 10.0}
        assert second.cause is Cause.LATE_DATA
        assert (first.to_zone, second.to_zone) == (Zone.RED, Zone.GREEN)

    def test_an_event_of_the_last_hour_is_in_time(self, live):
        it = live()
        it.at(3, "Login", times=1)
        it.tick(3)
        it.at(3 - 0.9 / 24, "Login", times=7)
        it.tick(3.1)
        assert it.run()[1].receipt.change.parts == {Cause.BEHAVIOUR: 70.0}


class TestSilentSources:
    REST = """\
rules: [{name: gone-quiet, kind: churn, silence: {factor: 2}}]
"""

    def test_time_takes_nothing_away_while_all_are_silent(self, live):
        it = live(self.REST)
        for day in range(9):
            it.at(day, "Login", times=1 if day < 8 else 8)
            it.tick(day)
        it.source(None, since=8.1)
        it.ticks(9, 20)
        transitions = it.run()
        assert max(t.time for t in transitions) <= from_ms(it.start + 8 * DAY_MS)
        held = it.health(20)
        assert (held.score, held.zone, held.stale_since) == (100, Zone.GREEN, from_ms(it.start + int(8.1 * DAY_MS)))
        it.source(None)
        it.ticks(21, 24)
        after = it.run()[len(transitions) :]
        assert {t.rule for t in after} == {"zone", "gone-quiet"}
        assert it.health(24).stale_since is None

    def test_a_signal_that_names_another_source_goes_on(self, live):
        it = live()
        it.at(0, "Login", times=9)
        it.tick(0)
        it.source("crm", since=0.5)
        it.ticks(1, 9)
        transitions = it.run()
        assert transitions[-1].to_zone is Zone.RED
        assert it.health(9).stale_since is not None, "crm_use is held"


class TestPublishedScores:
    def test_one_comes_when_the_score_moved_by_a_point_or_the_zone_changed(self, live):
        it = live("")
        it.at(0, "Login", times=9)
        it.ticks(0, 8, 0.1)
        it.run()
        published = [score.score for score in it.world.scores.values()]
        assert published == [90.0, 0.0]
        zones = [score.zone for score in it.world.scores.values()]
        assert zones == [Zone.GREEN, Zone.RED]

    def test_one_says_how_likely_an_account_leaves_where_the_model_is_calibrated(self, live):
        it = live("calibration: {within: 90d, points: [[0, 0.5], [50, 0.1], [100, 0.02]]}\n")
        it.at(0, "Login", times=7)
        it.tick(0)
        it.run()
        (score,) = it.world.scores.values()
        assert score.churn_probability_90d == it.health(0).churn_probability_90d == 0.068
