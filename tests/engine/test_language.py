"""What the parts of the language do to an account: traits, phases, profiles, overrides, late data, silent sources."""

from __future__ import annotations

import pytest

from schemas.base import from_ms
from schemas.health import OVERRIDE_GROUP, Standing, Zone, centi
from schemas.transition import Cause

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


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

    def test_an_account_that_was_only_updated_is_unknown_until_its_first_use(self, live):
        it = live()
        it.at(0, "Account Updated", seats=5)
        it.ticks(1, 20)
        it.run()
        known = it.health(20)
        assert (known.standing, known.score, known.zone, known.contributions) == (Standing.UNKNOWN, None, None, ())
        assert it.world.transitions == {}
        it.at(20, "Login", times=8)
        it.tick(21)
        it.run()
        assert (it.health(21).standing, it.health(21).zone) == (Standing.SCORED, Zone.GREEN)
        assert [t.offset for t in it.world.transitions.values()] == [len(it.log) - 1]

    @pytest.mark.parametrize("name", ["Signed", "Renewed"])
    def test_a_contract_that_nobody_uses_is_red_not_unknown(self, live, name):
        it = live()
        it.at(0, name, seats=5)
        it.ticks(1, 20)
        it.run()
        assert (it.health(20).standing, it.health(20).zone) == (Standing.SCORED, Zone.RED)

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
