from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kenko.model import ModelErrors, load_model
from kenko.model.nodes import Place
from kenko.model.read_cel import read_cel

BROKEN = [
    # (what to replace, by what, where it is found, part of the message, part of the hint)
    ("kenko/v1", "kenko/v2", (1, 13, "apiVersion"), "expected 'kenko/v1', found 'kenko/v2'", ""),
    ("kind: HealthModel", "kind: Model", (2, 7, "kind"), "expected 'HealthModel'", ""),
    ("name: default", "name: Default Model", (3, 18, "metadata.name"), "no name for a model", "small letters"),
    ("version: 7", "version: 1.5", (3, 36, "metadata.version"), "whole number", ""),
    ("version: 7", "version: '7'", (3, 36, "metadata.version"), 'a whole number, found "7"', ""),
    (", version: 7", "", (3, 11, "metadata"), "'version' is missing", ""),
    ("signals:\n", "signal:\n", (4, 1, "signal"), "unknown key", "did you mean 'signals'?"),
    ("active_users_7d:", "Active-Users:", (5, 3, "signals.Active-Users"), "no name for a signal", ""),
    ("exports_28d:\n", "nps:\n", (19, 3, "signals.nps"), "here twice", "line 9"),
    ("unique: user_id", "unique: user", (7, 25, "signals.active_users_7d.aggregate.unique"), "expected a property", ""),
    ("unique: user_id", "uniq: user_id", (7, 17, "signals.active_users_7d.aggregate.uniq"), "unknown key", "'unique'"),
    ("aggregate: count", "aggregate: cuont", (11, 16, "signals.exports_28d.aggregate"), "unknown aggregate", "'count'"),
    ("aggregate: count", "aggregate: sum", (11, 16, "signals.exports_28d.aggregate"), "needs a property", "{sum:"),
    ("aggregate: count", "aggregate: {}", (11, 16, "signals.exports_28d.aggregate"), "exactly one of", ""),
    (
        "{latest: properties.score}",
        "latest",
        (21, 16, "signals.nps.aggregate"),
        "'latest' needs a property",
        "{latest:",
    ),
    ("window: 7d", "window: 7 days", (8, 13, "signals.active_users_7d.window"), "expected a duration", "90m, 12h, 7d"),
    ("window: 7d", "window: 30m", (8, 13, "signals.active_users_7d.window"), "1h to 365d", ""),
    ("window: 7d", "window: 366d", (8, 13, "signals.active_users_7d.window"), "1h to 365d", ""),
    ("    window: 7d\n", "", (6, 5, "signals.active_users_7d"), "'window' is missing", "28d"),
    ("stale_after: 180d", "window: 28d", (22, 5, "signals.nps.window"), "have no window", ""),
    ("unit: minutes", "stale_after: 7d", (17, 5, "signals.minutes_28d.stale_after"), "only a latest value", ""),
    (
        "rows: {gte: 100}",
        "rows: {ge: 100}",
        (10, 57, "signals.exports_28d.match.properties.rows.ge"),
        "unknown key",
        "",
    ),
    (
        "rows: {gte: 100}",
        "rows: {gte: many}",
        (10, 62, "signals.exports_28d.match.properties.rows.gte"),
        "a number",
        "",
    ),
    ("rows: {gte: 100}", "rows: 100", (10, 56, "signals.exports_28d.match.properties.rows"), "expected a test", "gte"),
    ("in: [pro, team]", "in: []", (10, 79, "signals.exports_28d.match.properties.plan.in"), "empty", ""),
    ("event: Report Exported", "event: 404", (10, 20, "signals.exports_28d.match.event"), "expected an event", "'404'"),
    ("[Session Ended, Call Ended]", "[a, a]", (14, 24, "signals.minutes_28d.match.event[1]"), "here twice", ""),
    ("[Signed Up, Data Connected]", "[]", (27, 17, "signals.onboarding.milestones"), "the list is empty", ""),
    (
        "milestones: [Signed Up",
        "window: 7d\n    milestones: [Signed Up",
        (27, 5, "signals.onboarding.window"),
        "has no 'window'",
        "",
    ),
    (
        "{signal: nps, curve",
        "{signal: npss, curve",
        (38, 20, "score.groups.sentiment.inputs[0].signal"),
        "unknown signal",
        "did you mean 'nps'?",
    ),
    ("weight: 50", "weight: 0", (31, 15, "score.groups.adoption.weight"), "above 0", ""),
    ("weight: 20", "weight: -1", (36, 15, "score.groups.sentiment.weight"), "above 0", ""),
    ("weight: 20", "weight: lots", (36, 15, "score.groups.sentiment.weight"), "expected a weight", ""),
    ("[3, 50]", "[0, 50]", (33, 73, "score.groups.adoption.inputs[0].curve.points[1]"), "must increase", ""),
    ("[3, 50]", "[3, 150]", (33, 77, "score.groups.adoption.inputs[0].curve.points[1][1]"), "not within 0 to 100", ""),
    ("[3, 50]", "[3]", (33, 73, "score.groups.adoption.inputs[0].curve.points[1]"), "[value, health]", ""),
    (
        "points: [[0, 0], [9, 100]]",
        "points: [[0, 0]]",
        (38, 41, "score.groups.sentiment.inputs[0].curve.points"),
        "2 to 64",
        "",
    ),
    (
        "points: [[0, 0], [9, 100]]",
        "half_life: 7d",
        (38, 44, "score.groups.sentiment.inputs[0].curve.half_life"),
        "recency",
        "",
    ),
    (
        "missing: worst",
        "missing: worse",
        (34, 80, "score.groups.adoption.inputs[1].missing"),
        "unknown word",
        "'worst'",
    ),
    (
        "    recency:\n      weight: 15",
        "    cap:\n      weight: 15",
        (39, 5, "score.groups.cap"),
        "what caps take away",
        "",
    ),
    ("lte: 3}", "max: 3}", (45, 28, "score.caps[0].when.max"), "unknown key", ""),
    ("lte: 3}", "lte: 3}, extra: 1", (45, 37, "score.caps[0].extra"), "unknown key", ""),
    ("at_most: 39", "at_most: 139", (45, 46, "score.caps[0].at_most"), "not within 0 to 100", ""),
    ("clear_above: 45", "clear_above: 40", (48, 33, "zones.red.clear_above"), "not above 40", "flapping"),
    ("below: 70", "below: 30", (49, 11, "zones.yellow"), "yellow must begin above red", ""),
    ("for: 1h", "for: 1", (49, 45, "zones.yellow.for"), "expected a duration", "0s"),
    ("ended: [Contract Ended]", "ended: [Contract Signed]", (50, 48, "lifecycle.ended"), "both begin and end", ""),
    ("ended: [Contract Ended]", "ended: yes", (50, 48, "lifecycle.ended"), 'found "yes"', ""),
    ("kind: HealthModel", "kind: !!python/name:os.system HealthModel", (2, 7, "kind"), "the tag", ""),
    ("weight: 20", "weight: .inf", (36, 15, "score.groups.sentiment.weight"), "expected a weight", ""),
    ("weight: 20", "weight: 1:30", (36, 15, "score.groups.sentiment.weight"), "expected a weight", ""),
    ("weight: 20", "weight: 010", (36, 15, "score.groups.sentiment.weight"), "expected a weight", ""),
]


@pytest.mark.parametrize(
    ("old", "new", "where", "message", "hint"), BROKEN, ids=[f"{b[2][2]}-{b[1][:20]}" for b in BROKEN]
)
def test_a_mistake_is_named_with_its_place(text, old, new, where, message, hint):
    assert old in text
    with pytest.raises(ModelErrors) as caught:
        load_model(text.replace(old, new, 1), name="health.yaml")
    found = {(e.line, e.column, e.path): e for e in caught.value.errors}
    assert where in found, str(caught.value)
    assert message in found[where].message
    assert hint in found[where].hint
    assert str(caught.value).startswith("health.yaml:")


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_text(text):
    broken = text
    for old, new in [("window: 7d", "window: x"), ("weight: 20", "weight: 0"), ("clear_above: 45", "clear_above: 1")]:
        broken = broken.replace(old, new)
    with pytest.raises(ModelErrors) as caught:
        load_model(broken)
    assert [e.line for e in caught.value.errors] == [8, 36, 48]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "empty"),
        ("# nothing\n", 1, "empty"),
        ("a: [1, 2", 1, "not YAML"),
        ("a: 1\nb: {\n", 3, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("a: \x00", 1, "not YAML"),
        ("- a\n- b\n", 1, "expected a mapping"),
        ("just text", 1, "expected a mapping"),
        ("[" * 5000, 1, "nested too deeply"),
        ("{a: " * 5000, 1, "nested too deeply"),
        ("a: *nowhere\n", 1, "not YAML"),
        ("&a [*a]", 1, "expected a mapping"),
        ("#" * 1_000_001, 1, "longer than"),
        ("1: 2\n", 1, "is missing"),
        ("? [a]\n: 1\n", 1, "is missing"),
    ],
)
def test_what_is_no_model_at_all_is_a_mistake_too(text, line, message):
    with pytest.raises(ModelErrors) as caught:
        load_model(text)
    assert caught.value.errors[0].line == line
    assert message in caught.value.errors[0].message


def _paths(value, path=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield (*path, index)
            yield from _paths(inner, (*path, index))


@given(data=st.data(), odd=st.sampled_from([None, [], {}, "", "x", 0, -1, True, [None], {"a": 1}, 1e300, "7d"]))
def test_any_part_replaced_by_nonsense_gives_a_model_or_mistakes_and_nothing_else(text, data, odd):
    plain = yaml.safe_load(text)
    *way, last = data.draw(st.sampled_from(sorted(_paths(plain), key=repr)))
    inner = plain
    for step in way:
        inner = inner[step]
    inner[last] = odd
    try:
        model = load_model(yaml.safe_dump(plain))
    except ModelErrors as mistakes:
        reported = mistakes.errors
    else:
        reported = ()
        assert len(model.signals) == len(plain["signals"]), "a part may not get lost in silence"
        assert len(model.base.groups) == len(plain["score"]["groups"])
        for group in model.base.groups:
            assert len(group.inputs) == len(plain["score"]["groups"][group.name]["inputs"])
    assert len(set(reported)) == len(reported), "each mistake once"


@given(data=st.data(), odd=st.sampled_from([None, [], {}, "", "x", 0, -1, True, [None], {"a": 1}, 1e300, "7d", "*"]))
def test_no_part_of_the_whole_language_gets_lost_in_silence(full, data, odd):
    plain = yaml.safe_load(full)
    *way, last = data.draw(st.sampled_from(sorted(_paths(plain), key=repr)))
    inner = plain
    for step in way:
        inner = inner[step]
    inner[last] = odd
    try:
        model = load_model(yaml.safe_dump(plain, allow_unicode=True, sort_keys=False))
    except ModelErrors as mistakes:
        reported = mistakes.errors
    else:
        reported = ()
        assert len(model.signals) == len(plain["signals"])
        assert [group.name for group in model.base.groups] == list(plain["score"]["groups"])
        assert len(model.base.caps) == len(plain["score"]["caps"])
        assert len(model.base.rules) == len(plain["rules"])
        assert len(model.profiles) == len(plain["profiles"])
        assert len(model.tests) == len(plain["tests"])
        for test, written in zip(model.tests, plain["tests"], strict=True):
            assert not isinstance(written["events"], list) or len(test.events) == len(written["events"])
        for rule, written in zip(model.base.rules, plain["rules"], strict=True):
            given = {"zone": rule.zones, "signal": rule.signals, "age": rule.age, "when": rule.when}
            assert all(given[key] for key in given.keys() & written.keys())
            assert ("drop" in written, "silence" in written) == (rule.drop is not None, rule.silence is not None)
    assert len(set(reported)) == len(reported), "each mistake once"


def test_a_mistake_of_the_model_is_said_once_however_many_profiles_there_are(text):
    profiles = "".join(
        f"  - {{name: p{n}, when: {{touch: high}}, override: {{score.new_account_grace: {n}d}}}}\n" for n in range(5)
    )
    broken = text.replace("weight: 20", "weight: 0").replace("clear_above: 45", "clear_above: 4")
    with pytest.raises(ModelErrors) as caught:
        load_model(broken + "profiles:\n" + profiles)
    assert [(e.line, e.path) for e in caught.value.errors] == [
        (36, "score.groups.sentiment.weight"),
        (48, "zones.red.clear_above"),
    ]


_STEPS = ["score", "zones", "rules", "red", "below", "groups", "adoption", "weight", "inputs", "caps", "zone", "0", ""]
_ODD = [None, [], {}, "x", 0, -1, 50, True, [None], {"below": 3}, {"red": {"below": 99}}, [{"signal": "nps"}], "7d"]


@given(st.dictionaries(st.lists(st.sampled_from(_STEPS), max_size=4).map(".".join), st.sampled_from(_ODD), max_size=3))
def test_any_override_gives_a_profile_or_mistakes_at_its_own_lines(text, override):
    profiles = {"profiles": [{"name": "p", "when": {"touch": "high"}, "override": override}]}
    reported = ()
    try:
        model = load_model(text + yaml.safe_dump(profiles))
    except ModelErrors as mistakes:
        reported = mistakes.errors
    else:
        assert override
        assert len(model.profiles) == 1
    assert all(e.line > len(text.splitlines()) and e.path.startswith("profiles[0].override") for e in reported)
    assert len(set(reported)) == len(reported)


def test_anchors_that_hold_themselves_are_mistakes(text):
    broken = text.replace("score:\n  groups:", "score: &s\n  score: *s\n  zones: *s\n  groups:")
    with pytest.raises(ModelErrors) as caught:
        load_model(broken + "profiles: [{name: p, when: {touch: low}, override: &o {score: *o, zones: *o}}]")
    assert len(caught.value.errors) > 1


def test_an_override_that_is_shared_by_an_anchor_is_read_at_its_own_lines(text):
    profiles = """
profiles:
  - {name: one, when: {touch: high}, override: &strict {zones.red: {below: 50, clear_above: 55}}}
  - {name: two, when: {touch: low}, override: *strict}
"""
    one, two = load_model(text + profiles).profiles
    assert one.policy == two.policy
    with pytest.raises(ModelErrors) as caught:
        load_model(text + profiles.replace("clear_above: 55", "clear_above: x"))
    assert [(e.line, e.path) for e in caught.value.errors] == [
        (53, "profiles[0].override.zones.red.clear_above"),
        (53, "profiles[1].override.zones.red.clear_above"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ("{trait: seats}", "{trait: employees}", "declare it: traits: {names: {employees: employees}}"),
        ("{trait: seats}", "{trait: seets}", "did you mean 'seats'?"),
        ("denominator: users}", "denominator: seats}", "name a signal that is made of events"),
        ("denominator: users}", "denominator: mrr}", "did you mean 'trait.mrr'?"),
        ("zones.red: {below: 30", "zone.red: {below: 30", "did you mean 'zones.red'?"),
        ("score.new_account_grace: 7d", "score.groups.recensy.weight: 7", "did you mean 'recency'?"),
        ("score.new_account_grace: 7d", "score.caps.at_most: 7", "a list is replaced as a whole"),
        ("kind: churn", "kind: chrun", "did you mean 'churn'?"),
        ("{en: Actions", "{english: Actions", "for example en or ja"),
    ],
)
def test_a_hint_says_how_to_mend_it(full, old, new, hint):
    assert old in full
    with pytest.raises(ModelErrors) as caught:
        load_model(full.replace(old, new, 1))
    assert next(e.hint for e in caught.value.errors).startswith(hint)


def _cel(text, compiler=None):
    mistakes = []
    node = yaml.compose(f"cel: {text}", Loader=yaml.SafeLoader).value[0][1]
    place = Place(node, "cel", mistakes)
    return (read_cel(place, compiler) if compiler else read_cel(place)), mistakes


@pytest.mark.parametrize(
    ("written", "column"),
    [
        ("1 +", 9),  # at the end: behind the last character
        ('"1 +"', 10),
        ("'foo('", 11),
        (r'"\"a\" +"', 6),  # with escapes nobody knows the column: the beginning
        (">-\n  1\n  +", 6),
    ],
)
def test_a_mistake_in_an_expression_is_found_at_its_character(written, column):
    expression, mistakes = _cel(written)
    assert expression is None
    assert [(e.line, e.column) for e in mistakes] == [(1, column)]
    assert mistakes[0].message.startswith("no CEL: ")


def test_an_expression_has_a_limit():
    expression, (mistake,) = _cel("'" + "1 + " * 300 + "1'")
    assert expression is None
    assert mistake.message == "an expression has at most 1,000 characters, found 1,201"


def test_without_the_package_for_cel_it_is_said_what_to_install():
    node = yaml.compose("1 > 0", Loader=yaml.SafeLoader)
    mistakes = []
    assert read_cel(Place(node, "cel", mistakes), None) is None
    assert [mistake.hint for mistake in mistakes] == ["install kenko[cel]"]


@given(st.text(max_size=200))
def test_any_text_is_refused_with_mistakes(text):
    with pytest.raises(ModelErrors):
        load_model(text)
