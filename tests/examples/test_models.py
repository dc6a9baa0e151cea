"""The models that are shipped load, pass their own tests, speak English and Japanese, and judge large and small alike."""

import importlib.util
from pathlib import Path

import pytest

from kenko.cli.model_test import run_test
from kenko.engine.identity import event_digest
from kenko.engine.scorer import Scorer
from kenko.model import load_model
from kenko.model.limits import DAY_MS, HOUR_MS
from schemas.base import from_ms, to_ms
from schemas.health import CAP_GROUP, Standing, Zone
from schemas.transition import RuleKind
from schemas.usage_event import UsageEvent

ROOT = Path(__file__).parents[2]
MODELS = sorted((ROOT / "examples" / "models").glob("*.yaml"))
DEMOS = [ROOT / "examples" / name / "model.yaml" for name in ("crm", "saas")]
START_MS = 1_704_067_200_000
LONGEST_ROW = 1_024
"""Bytes of a typical account after 60 days, daily closes apart."""


def _load(path):
    return load_model(path.read_text(encoding="utf-8"))


def _module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODELS_BY_NAME = {path.stem: _load(path) for path in MODELS}
DEFAULT = MODELS_BY_NAME["default"]


def _fold(model, events, until_ms):
    """The row after these events with a tick an hour, and all contributions seen on the way."""
    scorer = Scorer(model)
    state = scorer.new("acme")
    queue = sorted(events, key=lambda event: event.time)
    seen = []
    for now_ms in range(START_MS, until_ms + 1, HOUR_MS):
        while queue and to_ms(queue[0].time) <= now_ms:
            event = queue.pop(0)
            scorer.apply(state, event, to_ms(event.time), event_digest(event.source, event.id))
        if state.touched or (state.due_ms is not None and state.due_ms <= now_ms):
            scorer.evaluate(state, now_ms)
        if now_ms % DAY_MS == 0:
            seen.append(scorer.health(state, now_ms))
    return scorer, state, seen


def test_every_model_of_the_examples_loads():
    names = [path.parent.name for path in (ROOT / "examples").glob("*/*.yaml") if _load(path).signals]
    assert {"crm", "saas", "models"} <= set(names)
    assert set(MODELS_BY_NAME) == {"crm5", "default", "oulad", "socialnet7"}


@pytest.mark.parametrize("name", MODELS_BY_NAME)
def test_a_model_is_named_after_its_file(name):
    assert MODELS_BY_NAME[name].name == name


@pytest.mark.parametrize(
    ("model", "test", "folder"),
    [
        pytest.param(model, test, path.parent, id=f"{model.name}: {test.name}")
        for path in (*MODELS, *DEMOS)
        for model in (_load(path),)
        for test in model.tests
    ],
)
def test_it_passes_its_own_tests(model, test, folder):
    result = run_test(model, test, folder)
    assert result.failures == (), str(result.found)


@pytest.mark.parametrize("path", DEMOS, ids=lambda path: path.parent.name)
def test_the_models_of_the_demo_say_what_they_are_for(path):
    zones = {test.zone for test in _load(path).tests}
    assert {"red", "yellow", "green", "none"} <= zones


@pytest.mark.parametrize("name", MODELS_BY_NAME)
def test_every_rule_and_zone_has_a_golden_test(name):
    model = MODELS_BY_NAME[name]
    rules = {rule.name for policy in model.policies for rule in policy.rules}
    assert rules == {rule for test in model.tests for rule in test.rules or ()}
    assert {"red", "green", "none"} <= {test.zone for test in model.tests}


@pytest.mark.parametrize("name", MODELS_BY_NAME)
def test_every_signal_and_rule_is_said_in_english_and_japanese(name):
    model = MODELS_BY_NAME[name]
    spoken = [*model.signals, *(rule for policy in model.policies for rule in policy.rules)]
    assert [part.name for part in spoken if {language for language, _ in part.labels} != {"en", "ja"}] == []
    assert [part.name for part in spoken if part.label("ja") == part.label("en") and part.name != "nps"] == []


def test_the_default_model_covers_every_kind_of_rule_and_the_three_profiles():
    assert {rule.kind for rule in DEFAULT.base.rules} == set(RuleKind)
    assert [profile.name for profile in DEFAULT.profiles] == ["onboarding", "renewal", "high-touch"]


def test_the_weights_of_the_default_model_are_points():
    assert sum(group.weight for group in DEFAULT.base.groups) == 100


def test_contributions_add_up_at_every_close_of_a_typical_account():
    events = _module(ROOT / "benchmarks" / "load.py").typical_account()
    _, _, seen = _fold(DEFAULT, events, START_MS + 90 * DAY_MS)
    scored = [health for health in seen if health.score is not None]
    assert len(scored) == 91
    for health in scored:
        assert round(sum(part.points for part in health.contributions), 2) == health.score
    groups = {part.group for health in scored for part in health.contributions}
    assert groups >= {"adoption", "depth", "momentum", "recency", "sentiment", "support", "onboarding", CAP_GROUP}


def test_the_row_of_a_typical_account_stays_small():
    events = _module(ROOT / "benchmarks" / "load.py").typical_account()
    scorer, state, _ = _fold(DEFAULT, events, START_MS + 60 * DAY_MS)
    assert not state.touched
    assert len(scorer.encode(state)) - len(state.closes) <= LONGEST_ROW


def _users(count, share, days):
    """A contract with `count` seats, and what `share` of their users do: three key actions and a page a day."""
    told = {"seats": count, "mrr": 900}
    yield _event("c", None, "Contract Signed", START_MS, told)
    for number in range(round(count * share)):
        for day in range(days):
            for turn in range(4):
                time_ms = START_MS + day * DAY_MS + (9 + turn) * HOUR_MS
                feature = {"feature": f"f{(number + turn) % 5}"}
                name, properties = ("page", {}) if turn == 3 else ("Feature Used", feature)
                yield _event(f"{number}-{day}-{turn}", f"u{number}", name, time_ms, properties)


def _event(event_id, user, name, time_ms, properties):
    return UsageEvent(
        id=event_id, account_id="acme", user_id=user, event=name, time=from_ms(time_ms), properties=properties
    )


@pytest.mark.parametrize("share", [1 / 3, 1.0])
def test_three_users_and_three_hundred_are_judged_alike(share):
    scores = [_fold(DEFAULT, _users(count, share, 70), START_MS + 70 * DAY_MS)[2][-1].score for count in (3, 300)]
    assert abs(scores[0] - scores[1]) <= 3


def test_what_a_business_does_not_send_does_not_hurt_it():
    events = [event for event in _users(5, 1.0, 70) if event.event != "Feature Used"]
    health = _fold(DEFAULT, events, START_MS + 70 * DAY_MS)[2][-1]
    assert (health.zone, health.standing) == (Zone.GREEN, Standing.SCORED)
    silent = {part.signal: part.weight for part in health.contributions if part.value is None}
    assert silent.keys() >= {"depth", "features_kept", "session_length", "login_trend", "nps", "csat", "ticket_trend"}
    assert set(silent.values()) == {0.0}


@pytest.mark.parametrize("name", ["crm5", "socialnet7", "oulad"])
def test_a_cancellation_is_worth_nothing(name):
    """No signal moves when an account cancels: it is churned, and what was measured stays what it was."""
    model = MODELS_BY_NAME[name]
    use = [_event(str(day), "ann", "message", START_MS + day * DAY_MS, {}) for day in range(40)]
    end = _event("end", None, "subscription_cancelled", START_MS + 40 * DAY_MS, {})
    now_ms = START_MS + 41 * DAY_MS
    values = []
    for events in (use, [*use, end]):
        scorer, state, seen = _fold(model, events, now_ms)
        values.append(scorer.values(state, now_ms))
    assert values[0] == values[1]
    assert (seen[-1].standing, seen[-1].score) == (Standing.CHURNED, None)
