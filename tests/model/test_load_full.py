"""The whole language, part by part."""

from __future__ import annotations

import json

import pytest
import yaml

from kenko.model import load_model
from kenko.model.golden import GoldenEvent, GoldenOverride, GoldenTest, GoldenTraits
from kenko.model.score_spec import Drop, Input, Missing, Points, SignalTest, Silence, Step, Steps
from kenko.model.signal_spec import (
    ActiveDays,
    Comparison,
    DaysToRenewal,
    Match,
    Nps,
    Op,
    PropertyTest,
    Ratio,
    Reference,
    Tenure,
    TimeTo,
    TraitValue,
    Trend,
)
from kenko.model.spec import Calibration, Lifecycle, Traits
from schemas.health import Zone
from schemas.transition import RuleKind

DAY_MS = 86_400_000


@pytest.fixture
def model(full):
    return load_model(full)


@pytest.fixture
def signals(model):
    return {signal.name: signal for signal in model.signals}


@pytest.fixture
def rules(model):
    return {rule.name: rule for rule in model.base.rules}


def test_lifecycle_and_traits(model):
    assert model.description == "What keeps customers with us"
    assert model.lifecycle == Lifecycle(
        started=("Contract Signed",),
        renewed=("Contract Renewed",),
        upgraded=("Contract Upgraded",),
        downgraded=("Contract Downgraded",),
        ended=("Contract Ended",),
        onboarding_ms=30 * DAY_MS,
        renewal_ms=90 * DAY_MS,
    )
    assert model.traits == Traits(
        events=("group", "account.updated", "Account Updated"),
        aliases=(
            ("discount", ("discount",)),
            ("mrr", ("monthly_revenue",)),
            ("renewal_date", ("term_end",)),
            ("seats", ("licenses",)),
        ),
        high_touch_mrr=5000,
        low_touch_mrr=500,
    )


def test_matches(signals):
    assert signals["users"].match == Match(events=None, excluded=("Ticket Opened",), excluded_prefixes=("billing.",))
    assert signals["reports"].match == Match(
        events=("Report Exported",),
        prefixes=("report.",),
        tests=(
            PropertyTest(property="rows", op=Op.GTE, operand=100),
            PropertyTest(property="kind", op=Op.IN, operand=("pdf", "csv")),
        ),
    )
    assert signals["crm_use"].match == Match(events=None, sources=("crm",))
    assert signals["big"].match == Match(events=("Order",), cel="properties.total * 2.0 > 100.0")
    assert signals["tickets"].match == Match(events=None, prefixes=("ticket.",))


def test_aggregates(model, signals):
    assert signals["days"].aggregate == ActiveDays()
    assert signals["nps"].aggregate == Nps(property="score", stale_after_ms=180 * DAY_MS, is_average=False)
    assert signals["nps_avg"].aggregate == Nps(property="score", stale_after_ms=180 * DAY_MS, is_average=True)
    assert signals["ttv"].aggregate == TimeTo(steps=("First Report Shared",))
    users, seats = Reference(name="users", is_trait=False), Reference(name="seats", is_trait=True)
    assert signals["seat_use"].aggregate == Ratio(numerator=users, denominator=seats)
    assert signals["trend"].aggregate == Trend(of="minutes", baseline_ms=84 * DAY_MS)
    assert signals["seats"].aggregate == TraitValue(trait="seats")
    assert signals["tenure"].aggregate == Tenure()
    assert signals["renewal"].aggregate == DaysToRenewal()
    derived = {"depth", "seat_use", "trend", "seats", "tenure", "renewal"}
    assert {signal.name for signal in model.signals if not signal.is_stored} == derived
    assert all(signals[name].match is None for name in derived)
    assert model.span_ms(signals["minutes"]) == (28 + 84) * DAY_MS


def test_inputs(model):
    adoption, support, _ = model.base.groups
    assert [i.missing for i in adoption.inputs] == [Missing.LAST, Missing.REDISTRIBUTE]
    assert support.inputs == (
        Input(
            signal="tickets",
            weight=1,
            curve=Steps(
                steps=(
                    Step(edge=3, is_inclusive=False, health=100),
                    Step(edge=8, is_inclusive=True, health=60),
                    Step(edge=None, is_inclusive=False, health=0),
                )
            ),
            missing=Missing.REDISTRIBUTE,
            per=Reference(name="seats", is_trait=True),
            scale=100,
        ),
    )


def test_rules(rules):
    assert rules["fast-drop"].drop == Drop(points=15, within_days=7)
    assert (rules["fast-drop"].label(), rules["fast-drop"].label("ja")) == ("Fell fast", "急落")
    assert rules["gone-quiet"].silence == Silence(factor=4, at_least_ms=3 * DAY_MS)
    assert rules["gone-quiet"].label() == "gone quiet"
    assert rules["detractor"].kind is RuleKind.SENTIMENT
    assert rules["detractor"].signals == (SignalTest(signal="nps", tests=(Comparison(op=Op.LTE, operand=6),)),)
    assert rules["stalled"].age == (Comparison(op=Op.GTE, operand=21 * DAY_MS),)
    assert rules["renewal-at-risk"].zones == (Zone.RED, Zone.YELLOW)
    assert rules["renewal-at-risk"].renewal_within_ms == 90 * DAY_MS
    grow = rules["ready-to-grow"]
    assert (grow.for_ms, grow.clear_for_ms) == (30 * DAY_MS, 7 * DAY_MS)
    assert grow.when == (PropertyTest(property="touch", op=Op.EQ, operand="high"),)


def test_silence_without_a_least_length_is_three_days(model):
    (quiet,) = model.profiles[1].policy.rules
    assert quiet.silence == Silence(factor=2, at_least_ms=3 * DAY_MS)


def test_a_profile_changes_what_it_names_and_keeps_the_rest(model):
    onboarding, enterprise = model.profiles
    base = model.base
    assert onboarding.when == (PropertyTest(property="lifecycle", op=Op.EQ, operand="onboarding"),)
    assert (onboarding.policy.zones.red.below, onboarding.policy.zones.red.clear_above) == (30, 35)
    assert onboarding.policy.zones.yellow == base.zones.yellow
    assert onboarding.policy.new_account_grace_ms == 7 * DAY_MS
    assert (onboarding.policy.groups, onboarding.policy.rules) == (base.groups, base.rules)
    assert enterprise.when == (
        PropertyTest(property="touch", op=Op.EQ, operand="high"),
        PropertyTest(property="seats", op=Op.GTE, operand=50),
        PropertyTest(property="plan", op=Op.IN, operand=("pro", "max")),
    )
    assert [rule.name for rule in enterprise.policy.rules] == ["gone-quiet"], "a list is replaced as a whole"
    assert enterprise.policy.caps == base.caps


@pytest.mark.parametrize(
    "override",
    [
        "{zones.red.below: 30, zones.red.clear_above: 35, score.groups.recency.weight: 99}",
        "{zones.red: {below: 30, clear_above: 35}, score.groups: {recency: {weight: 99}}}",
        "{zones: {red: {below: 30, clear_above: 35}}, score: {groups: {recency: {weight: 99}}}}",
    ],
)
def test_dotted_paths_and_nested_mappings_say_the_same(full, override):
    text = full.replace("{zones.red: {below: 30, clear_above: 35}, score.new_account_grace: 7d}", override)
    policy = load_model(text).profiles[0].policy
    assert (policy.zones.red.below, policy.zones.red.clear_above, policy.zones.red.for_ms) == (30, 35, 0)
    assert [group.weight for group in policy.groups] == [50, 15, 99]


def test_a_profile_can_add_a_group_and_a_cap(full):
    override = """
      score.groups.money: {weight: 5, inputs: [{signal: seats, curve: {points: [[0, 0], [9, 100]]}}]}
      score.caps: []"""
    text = full.replace(" {zones.red: {below: 30, clear_above: 35}, score.new_account_grace: 7d}", override)
    policy = load_model(text).profiles[0].policy
    assert policy.groups[-1].inputs[0].curve == Points(points=((0, 0), (9, 100)))
    assert [group.name for group in policy.groups] == ["adoption", "support", "recency", "money"]
    assert policy.caps == ()


def test_calibration(model):
    assert model.calibration == Calibration(points=((0, 0.4), (50, 0.1), (100, 0.01)), within_ms=90 * DAY_MS)


def test_golden_tests(model, full):
    silent, written = model.tests
    line = full.splitlines().index("  - name: a silent account goes red") + 1
    assert silent == GoldenTest(
        name="a silent account goes red",
        line=line,
        file="fixtures/silent.jsonl",
        events=(),
        account="acme",
        at_ms=21 * DAY_MS,
        zone="red",
        standing="scored",
        score=(Comparison(op=Op.LT, operand=40),),
        rules=("gone-quiet",),
        profile="enterprise",
    )
    assert written.events == (
        GoldenEvent(
            event="Feature Used",
            at_ms=0,
            user_id="ann",
            properties=(("feature", "a"),),
            every_ms=DAY_MS,
            until_ms=20 * DAY_MS,
        ),
        GoldenEvent(event="Contract Signed", at_ms=0),
        GoldenEvent(event="Deal Won", at_ms=DAY_MS, source="erp"),
        GoldenTraits(traits=(("seats", 40), ("owner", None)), at_ms=2 * DAY_MS),
        GoldenOverride(score=35, at_ms=3 * DAY_MS, until_ms=30 * DAY_MS),
        GoldenOverride(score=None, at_ms=20 * DAY_MS),
    )
    assert [event.times for event in written.events] == [21, 1, 1, 1, 1, 1]
    assert (written.zone, written.standing, written.rules, written.profile) == ("none", "churned", (), "none")


def test_json_is_the_same_model(full, model):
    same = load_model(json.dumps(yaml.safe_load(full), ensure_ascii=False, indent=1))
    assert (same.state_hash, same.score_hash) == (model.state_hash, model.score_hash)
    assert same.profiles == model.profiles
