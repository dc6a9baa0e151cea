from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kenko.backtest.event_file import FileEvent
from kenko.backtest.golden import run_golden
from kenko.backtest.golden_log import BEGINNING_MS, events_in_place
from kenko.model import load_model

DAY_MS = 86_400_000
MODEL = """\
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: golden, version: 1}
lifecycle: {started: [Contract Signed], ended: [Contract Ended]}
signals:
  uses: {match: {event: Use}, aggregate: count, window: 7d}
  seen: {match: {event: "*"}, aggregate: recency}
  deals: {match: {event: "*", source: crm}, aggregate: count, window: 7d}
score:
  groups: {use: {weight: 1, inputs: [{signal: uses, curve: {points: [[0, 0], [10, 100]]}}]}}
zones:
  red: {below: 40, clear_above: 45}
  yellow: {below: 70, clear_above: 74}
rules:
  - {name: away, kind: churn, signal: {seen: {gte: 3}}}
  - {name: small, kind: expansion, when: {seats: {lt: 5}}}
  - {name: sold, kind: expansion, signal: {deals: {gte: 1}}}
profiles:
  - {name: big, when: {seats: {gte: 50}}, override: {zones.red: {below: 60, clear_above: 61}}}
tests:
  - name: it
    events:
EVENTS
    at: 10d
    expect: EXPECT
"""
BUSY = ["{event: Use, user: ann, at: 0d, every: 12h, until: 30d}"]


def _result(events, expect, *, change=lambda text: text):
    lines = "\n".join(f"      - {event}" for event in events)
    model = load_model(change(MODEL.replace("EVENTS", lines).replace("EXPECT", expect)))
    return run_golden(model, model.tests[0], events_in_place(model.tests[0]))


@pytest.mark.parametrize(
    ("events", "expect"),
    [
        (BUSY, "{zone: green, score: {eq: 100}, standing: scored, rules: [], profile: none}"),
        (["{event: Use, at: 0d, every: 1d, until: 30d}"], "{zone: yellow, score: {eq: 60}}"),
        # half-open: what comes at the very time of the look is not in it yet
        (["{event: Use, at: 0d}", "{event: Use, at: 10d, every: 1m, until: 10d}"], "{zone: red, score: {eq: 0}}"),
        ([*BUSY, "{event: Contract Ended, at: 9d}"], "{zone: none, standing: churned, rules: []}"),
        (["{event: Use, at: 0d}"], "{rules: [away]}"),
        ([*BUSY, "{event: Contract Signed, at: 1d, properties: {seats: 3}}"], "{rules: [small], profile: none}"),
        ([*BUSY, "{event: Contract Signed, at: 1d, properties: {seats: 99}}"], "{profile: big, rules: []}"),
        # who sent it
        ([*BUSY, "{event: Use, source: crm, at: 9d}"], "{rules: [sold]}"),
        ([*BUSY, "{event: Use, source: erp, at: 9d}"], "{rules: []}"),
        # what a record of traits tells, until another takes it back; it is no use, and alone no score
        ([*BUSY, "{traits: {seats: 99}, at: 1d}"], "{profile: big}"),
        ([*BUSY, "{traits: {seats: 99}, at: 1d}", "{traits: {seats: null}, at: 2d}"], "{profile: none}"),
        (["{traits: {seats: 3}, at: 0d}"], "{zone: none, standing: unknown, rules: [small]}"),
        # a score set by hand, until it ends or is lifted
        ([*BUSY, "{override: {score: 12}, at: 1d}"], "{zone: red, score: {eq: 12}}"),
        ([*BUSY, "{override: {score: 12, until: 10d}, at: 1d}"], "{zone: green, score: {eq: 100}}"),
        ([*BUSY, "{override: {score: 12, until: 11d}, at: 1d}"], "{zone: red}"),
        ([*BUSY, "{override: {score: 12}, at: 1d}", "{override: {score: null}, at: 2d}"], "{zone: green}"),
        (["{override: {score: 80}, at: 1d}"], "{zone: green, standing: scored, score: {eq: 80}}"),
        # `at` counts from the beginning, not from the first event
        (["{event: Use, at: 2d}", "{event: Use, at: 10d}"], "{score: {eq: 0}, rules: [away]}"),
    ],
)
def test_a_test_passes_when_all_is_as_expected(events, expect):
    assert _result(events, expect).failures == ()


@pytest.mark.parametrize(
    ("expect", "failures"),
    [
        ("{zone: red}", ["zone: expected red, found green"]),
        ("{standing: churned, zone: none}", ["zone: expected none, found green", "standing: expected churned, found scored"]),
        ("{score: {lt: 40, gte: 10}}", ["score: expected lt 40, found 100.00"]),
        ("{rules: [small, away]}", ["rules: expected away, small, found none"]),
        ("{profile: big}", ["profile: expected big, found none"]),
    ],
)  # fmt: skip
def test_a_failure_says_what_was_expected_and_what_was_found(expect, failures):
    result = _result(BUSY, expect)
    assert list(result.failures) == failures
    assert not result.has_passed
    assert str(result.found) == "zone green, scored, score 100.00, no rule holds, profile none"


def test_without_a_score_no_comparison_holds():
    result = _result(["{event: Contract Ended, at: 1d}"], "{score: {gte: 0}}")
    assert result.failures == ("score: expected gte 0, found none",)


def test_an_account_without_an_event_before_that_time_is_not_known():
    assert _result(["{event: Use, at: 20d}"], "{zone: none}", change=lambda text: text.replace("at: 10d", "at: 0d")).failures == (
        "nothing is known of the account: no event came before that time",
    )  # fmt: skip


def test_a_record_at_the_very_time_of_the_look_is_not_in_it_yet():
    assert _result([*BUSY, "{override: {score: 12}, at: 10d}"], "{zone: green}").failures == ()


def test_records_are_of_the_account_that_the_test_names():
    named = _result(
        [*BUSY, "{traits: {seats: 99}, at: 1d}"],
        "{profile: big}",
        change=lambda text: text.replace("    at: 10d", "    account: acme\n    at: 10d"),
    )
    assert named.failures == ()


def test_an_event_that_ingest_would_refuse_fails_the_test():
    long = "x" * 600
    (failure,) = _result([f"{{event: {long}, at: 0d}}"], "{zone: none}").failures
    assert failure.startswith("event 1: ")


def test_events_in_place_are_written_out_in_the_order_of_their_times():
    events = ["{event: B, at: 1d, properties: {n: 1}}", "{event: A, user: ann, at: 0d, every: 1d, until: 2d}"]
    lines = "\n".join(f"      - {event}" for event in events)
    model = load_model(MODEL.replace("EVENTS", lines).replace("EXPECT", "{zone: red}"))
    found = events_in_place(model.tests[0])
    assert datetime.fromtimestamp(BEGINNING_MS / 1000, UTC).isoformat() == "2024-01-01T00:00:00+00:00"
    assert [((e.time_ms - BEGINNING_MS) // DAY_MS, e.body["event"]) for e in found] == [
        (0, "A"),
        (1, "B"),
        (1, "A"),
        (2, "A"),
    ]
    assert len({e.body["id"] for e in found}) == 4
    assert found[1].body == {
        "id": "test-2",
        "source": "test",
        "account_id": "account",
        "event": "B",
        "time": "2024-01-02T00:00:00+00:00",
        "properties": {"n": 1},
    }


def _file_event(account, day):
    time = datetime.fromtimestamp((BEGINNING_MS + day * DAY_MS) / 1000, UTC).isoformat()
    body = {"id": f"{account}-{day}", "source": "file", "account_id": account, "event": "Use", "time": time}
    return FileEvent(day + 1, BEGINNING_MS + day * DAY_MS, account, body)


def test_a_file_of_many_accounts_needs_a_name_and_only_that_account_is_folded():
    text = MODEL.replace("events:\nEVENTS", "events: any.jsonl").replace("EXPECT", "{rules: [away]}")
    events = [_file_event("acme", day) for day in range(8)] + [_file_event("other", 9)]
    nameless = load_model(text)
    assert run_golden(nameless, nameless.tests[0], events).failures == (
        "the events are of 2 accounts: say which one with 'account'",
    )
    named = load_model(text.replace("    at: 10d", "    account: acme\n    at: 11d"))
    assert run_golden(named, named.tests[0], events).failures == ()
    stranger = load_model(text.replace("    at: 10d", "    account: nobody\n    at: 10d"))
    assert run_golden(stranger, stranger.tests[0], events).failures == ("there is no event of the account 'nobody'",)
    assert run_golden(named, named.tests[0], []).failures == ("there are no events",)
