from __future__ import annotations

import pytest

from kenko.model import load_model
from kenko.model.diff import Cost, diff_models
from kenko.model.hashes import with_due_budget

SAME_ALL = [
    # words, order of keys and signals, version, comments, tests
    ("unit: minutes", "unit: min"),
    ("version: 7", "version: 8"),
    ("version: 7", "version: 7, description: Ours"),
    ("kind: HealthModel", "kind: HealthModel  # ours"),
    ("    aggregate: count\n    window: 28d\n", "    window: 28d\n    aggregate: count\n"),
    ("window: 7d", "window: 168h"),
]
SAME_STATE = [
    # what is made of the signals
    ("weight: 50", "weight: 51"),
    ("below: 40", "below: 39"),
    ("half_life: 7d", "half_life: 8d"),
    ("lte: 3", "lte: 4"),
    ("new_account_grace: 14d", "new_account_grace: 15d"),
    ("missing: redistribute", "missing: neutral"),
]
ALL_NEW = [
    # the signals themselves
    ("window: 7d", "window: 8d"),
    ("gte: 100", "gte: 101"),
    ("exports_28d", "exports"),
    ("stale_after: 180d", "stale_after: 90d"),
    ("ended: [Contract Ended]", "ended: [Cancelled]"),
    ("[Signed Up, Data Connected]", "[Data Connected, Signed Up]"),
]
FULL_SAME_ALL = [
    ("{en: Actions, ja: 操作}", "All they did"),
    ("unit: actions", "unit: acts"),
    ("What keeps customers with us", "Something else"),
    ("{en: Fell fast, ja: 急落}", "{en: Fell, ja: 急落, de: Absturz}"),
    ("a silent account goes red", "silence is red"),
    ("at: +21d", "at: +22d"),
    ("events: fixtures/silent.jsonl", "events: [{event: E, at: 0d}]"),
]
FULL_SAME_STATE = [
    # curves, weights, inputs, caps
    ("lt: 3, health", "lte: 3, health"),
    ("health: 60", "health: 61"),
    ("scale: 100", "scale: 10"),
    ("per: trait.seats", "per: users"),
    ("missing: last", "missing: worst"),
    # rules; silence is judged still
    ("points: 15, within: 7d", "points: 16, within: 7d"),
    ("silence: {factor: 4, at_least: 3d}", "silence: {factor: 5, at_least: 3d}"),
    ("kind: sentiment", "kind: support"),
    ("name: stalled", "name: stuck"),
    ("renewal_within: 90d", "renewal_within: 60d"),
    ("clear_for: 7d", "clear_for: 8d"),
    ("for: 30d", "for: 31d"),
    ("when: {touch: high}", "when: {touch: [high, low]}"),
    # profiles
    ("below: 30, clear_above: 35", "below: 31, clear_above: 35"),
    ("plan: [pro, max]", "plan: [pro]"),
    ("score.new_account_grace: 7d", "score.missing: worst"),
    # calibration
    ("[50, 0.1]", "[50, 0.2]"),
    # derived signals: changed, left out, one more
    ("denominator: users", "denominator: actions"),
    ("  tenure: {aggregate: tenure}\n", ""),
    ("  tenure: {aggregate: tenure}\n", "  tenure: {aggregate: tenure}\n  mrr: {trait: mrr}\n"),
]
FULL_ALL_NEW = [
    ("baseline: 84d", "baseline: 56d"),  # `minutes` is kept for less long
    ("  trend: {trend: {of: minutes,", "  trend: {trend: {of: actions,"),
    ("{nps: properties.score}", "{latest: properties.score}"),
    ("{prefix: report.}", "{prefix: reports.}"),
    ("source: crm", "source: [crm, erp]"),
    ("> 100.0", "> 101.0"),
    ("  big: {", "  large: {"),
    ("{time_to: First Report Shared}", "{time_to: [First Report Shared, Report Shared]}"),
    ("renewed: [Contract Renewed]", "renewed: [Renewed]"),
    ("onboarding: 30d", "onboarding: 31d"),
    ("seats: [licenses]", "seats: [licences]"),
    ("Account Updated]", "Account Changed]"),
    ("touch: {high: 5000, low: 500}", "touch: {high: 4000, low: 500}"),
]


def _cases(same_all, same_state, all_new):
    return (
        [(*pair, True, True) for pair in same_all]
        + [(*pair, True, False) for pair in same_state]
        + [(*pair, False, False) for pair in all_new]
    )


def _check(text, old, new, same_state, same_score):
    assert old in text
    before, after = load_model(text), load_model(text.replace(old, new))
    assert (before.state_hash == after.state_hash) is same_state
    assert (before.score_hash == after.score_hash) is same_score
    diff = diff_models(before, after)
    assert bool(diff.changes) is not same_score, "what decides a result can be said in words"
    costs = {(True, True): {Cost.NOTHING, Cost.WORDS}, (True, False): {Cost.RESCORE}, (False, False): {Cost.REBUILD}}
    assert diff.cost in costs[same_state, same_score]


@pytest.mark.parametrize(("old", "new", "same_state", "same_score"), _cases(SAME_ALL, SAME_STATE, ALL_NEW))
def test_a_hash_changes_exactly_with_what_it_stands_for(text, old, new, same_state, same_score):
    _check(text, old, new, same_state, same_score)


@pytest.mark.parametrize(
    ("old", "new", "same_state", "same_score"), _cases(FULL_SAME_ALL, FULL_SAME_STATE, FULL_ALL_NEW)
)
def test_a_hash_of_the_whole_language_changes_exactly_with_what_it_stands_for(full, old, new, same_state, same_score):
    _check(full, old, new, same_state, same_score)


def test_tests_change_no_hash(full):
    before, after = load_model(full), load_model(full[: full.index("tests:\n")])
    assert after.tests == ()
    assert (before.state_hash, before.score_hash) == (after.state_hash, after.score_hash)


def test_the_first_rule_that_judges_silence_changes_the_state_and_a_second_does_not(text):
    loud = load_model(text)
    one = load_model(text + "rules:\n  - {name: quiet, kind: churn, silence: {factor: 4}}\n")
    two = load_model(
        text
        + "rules:\n  - {name: quiet, kind: churn, silence: {factor: 4}}\n"
        + "  - {name: quieter, kind: churn, silence: {factor: 9}}\n"
    )
    assert loud.state_hash != one.state_hash
    assert one.state_hash == two.state_hash
    assert one.score_hash != two.score_hash


def test_silence_in_a_profile_is_remembered_too(text):
    profile = """
profiles:
  - name: high
    when: {touch: high}
    override: {rules: [{name: quiet, kind: churn, silence: {factor: 4}}]}
rules: []
"""
    assert load_model(text + profile).follows_rhythm
    assert load_model(text + profile).state_hash != load_model(text).state_hash


def test_another_due_budget_is_another_score_hash(text):
    known = load_model(text).score_hash
    assert with_due_budget(known, 1000) == known
    assert len({known, with_due_budget(known, 999), with_due_budget(known, 10)}) == 3


def test_hashes_stay_what_they_are(text):
    """Every stored row and every alert id hangs on them: a change here is a change of keyspace."""
    model = load_model(text)
    assert len(model.state_hash) == len(model.score_hash) == 32
    assert model.state_hash == "d853a9b494cae315a812db31950c0880"
    assert model.score_hash == "c2b6b131e36817869e3198eb56ea5819"
