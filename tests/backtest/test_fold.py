"""The offline fold: the same whatever the partitions, and the same for a plan that was cut and closed."""

import itertools
from collections import Counter

from kenko.alerting.policy import AlertPolicy
from kenko.alerting.reason import Reason
from kenko.backtest.check import compare_alerts, compare_scores, zones_of
from kenko.backtest.event_file import FileEvent
from kenko.backtest.plan import TickAll, plan, settle
from kenko.backtest.run import Judge, run
from kenko.model import load_model

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
START_MS = 1_704_067_200_000
MODEL = load_model(
    """
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: small, version: 1}
signals:
  logins: {match: {event: Login}, aggregate: count, window: 7d}
  last_seen: {match: {event: "*"}, aggregate: recency}
score:
  groups:
    use: {weight: 1, inputs: [{signal: logins, curve: {points: [[0, 0], [5, 100]]}}]}
    recency: {weight: 1, inputs: [{signal: last_seen, curve: {points: [[0, 100], [10, 0]]}}]}
  missing: redistribute
  new_account_grace: 1d
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 75, for: 0s}
lifecycle: {started: [Began], ended: [Left]}
"""
)


def _events(days=40):
    """Seven accounts: the n-th logs in every n-th day, and every other one stops half way."""
    rows = []
    for day, number in itertools.product(range(days), range(1, 8)):
        if day % number == 0 and (number % 2 or day < days // 2):
            time_ms = START_MS + day * DAY_MS + number * HOUR_MS
            iso = f"2024-{1 + day // 31:02}-{1 + day % 31:02}T{number:02}:00:00Z"
            body = {"id": f"{day}-{number}", "account_id": f"a{number}", "event": "Login", "time": iso}
            rows.append(FileEvent(len(rows) + 1, time_ms, f"a{number}", body))
    return rows


def _judge(partitions=1, **policy):
    return Judge(MODEL, partitions, AlertPolicy(receivers=("webhook",), **policy), START_MS + 365 * DAY_MS)


def _run(events, partitions=1, **policy):
    return run(plan(events, interval_ms=6 * HOUR_MS), _judge(partitions, **policy))


def _told(backtest):
    return [(item.alert.account_id, item.alert.opened_at, item.alert.title, item.reason) for item in backtest.alerts]


def test_the_partitions_change_no_score_and_no_alert():
    one, twelve = _run(_events()), _run(_events(), 12)
    assert compare_scores(one.fold.scores(), twelve.fold.scores()) == []
    assert sorted(_told(one)) == sorted(_told(twelve))
    assert one.fold.counts["applied"] == twelve.fold.counts["applied"] == len(_events())


def test_accounts_that_stop_go_red_and_those_that_go_on_do_not():
    backtest = _run(_events())
    red = {item.alert.account_id for item in backtest.alerts if item.resolve_reason is None}
    assert {"a2", "a4", "a6"} <= red
    assert "a1" not in {item.alert.account_id for item in backtest.alerts}


def test_a_plan_cut_anywhere_and_closed_equals_the_fold_of_what_was_played():
    steps = list(plan(_events(), interval_ms=6 * HOUR_MS))
    cut = len(steps) * 2 // 3
    newest = max(step.newest_ms for step in steps[:cut] if not isinstance(step, TickAll))
    end = TickAll((newest // DAY_MS + 2) * DAY_MS)
    closing = [end, *settle(end.time_ms, accounts=7, due_budget=1000)]
    again = run(itertools.chain(itertools.islice(plan(_events(), interval_ms=6 * HOUR_MS), cut), closing), _judge())
    once = run([*steps[:cut], end], _judge())
    assert compare_scores(again.fold.scores(), once.fold.scores()) == []
    assert _told(again) == _told(once)


def test_lines_that_ingest_refused_are_left_out_and_a_repeat_counts_once():
    events = _events()
    twice = sorted([*events, *(event._replace(line=1_000 + event.line) for event in events)], key=lambda e: e.time_ms)
    without = run(plan(events, interval_ms=DAY_MS), _judge(), left_out={1, 2})
    assert without.events == len(events) - 2
    repeated = _run(twice)
    assert repeated.fold.counts["duplicate"] == len(events)
    assert compare_scores(repeated.fold.scores(), _run(events).fold.scores()) == []


def test_an_event_that_ingest_would_refuse_is_named_with_its_line():
    bad = FileEvent(
        9, START_MS, "a", {"id": "1", "account_id": "a", "event": "kenko.tick.v1", "time": "2024-01-01T00:00:00Z"}
    )
    backtest = _run([bad])
    assert [(item.line, item.message.split(":")[0]) for item in backtest.bad] == [(9, "event")]
    assert list(backtest.fold.scores()) == []


def test_an_account_that_left_is_churned_and_its_alert_is_over():
    left = {"id": "x", "account_id": "a2", "event": "Left", "time": "2024-02-08T00:00:00Z"}
    backtest = _run([*_events(38), FileEvent(9_999, START_MS + 38 * DAY_MS, "a2", left)])
    health = backtest.fold.health("a2")
    assert (health.standing, health.zone, health.score) == ("churned", None, None)
    assert [item.resolve_reason for item in backtest.alerts if item.alert.account_id == "a2"][-1] is Reason.RESOLVED


def test_the_cooldown_keeps_an_alert_back_and_says_so():
    quick, slow = _run(_events(), cooldown_ms=0), _run(_events(), cooldown_ms=300 * DAY_MS)
    reasons = Counter(item.reason for item in slow.alerts)
    assert reasons[Reason.COOLDOWN] > 0
    assert Counter(item.reason for item in quick.alerts) == {Reason.OPENED: len(slow.alerts)}


def test_a_view_explains_the_score_that_the_fold_gives():
    backtest = _run(_events())
    for account in backtest.fold.accounts:
        view = backtest.fold.view(account)
        assert view.health == backtest.fold.health(account)
        if view.reference_score is not None:
            before = sum(round(c.points_before * 100) for c in view.health.contributions)
            assert before == round(view.reference_score * 100)
    assert backtest.fold.view("nobody") is None


def test_the_check_names_every_difference():
    backtest = _run(_events())
    scores = list(backtest.fold.scores())
    other = [scores[0].model_copy(update={"zone": None}), *scores[2:]]
    lines = compare_scores(scores, other)
    assert len(lines) == 2
    assert lines[0] == "a2: is not in Redis"
    assert lines[1].startswith("a1: zone should be")
    assert compare_scores([], scores[:1]) == ["a1: is in Redis, but not in the file"]
    missing = compare_alerts(backtest.alerts, [], {"unknown-firing": 1})
    assert len(missing) == len(backtest.alerts) + 1
    assert sum(zones_of(scores).values()) == 7
