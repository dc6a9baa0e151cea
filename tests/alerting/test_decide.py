from __future__ import annotations

import pytest

from kenko.alerting.decide import decide
from kenko.alerting.policy import AlertPolicy
from kenko.alerting.reason import Reason
from schemas.alert import AlertStatus, Notice
from schemas.base import from_ms, to_ms
from schemas.health import Standing
from schemas.transition import AccountFacts, RuleKind

POLICY = AlertPolicy(receivers=("webhook", "slack"))
NOBODY = AlertPolicy()
HOUR_MS = 3_600_000


def run(transitions, policy=POLICY, *, late_ms=0):
    """Each decision in turn, made `late_ms` after its transition."""
    state, decisions = None, []
    for item in transitions:
        decision = decide(state, item, to_ms(item.time) + late_ms, policy)
        state = decision.state
        decisions.append(decision)
    return decisions


# steps: (zone entered, hours)
@pytest.mark.parametrize(
    ("steps", "reasons"),
    [
        # the usual episode
        ([("red", 0), ("yellow", 5)], [Reason.OPENED, Reason.RESOLVED]),
        # leaving red for no zone at all (churned, no data) ends it too
        ([("red", 0), (None, 5)], [Reason.OPENED, Reason.RESOLVED]),
        # a change that has nothing to do with red
        ([("yellow", 0), ("green", 5)], [Reason.NOTHING_OPEN, Reason.NOTHING_OPEN]),
        # red again without having left (another model says the same): one alert an episode
        ([("red", 0), ("red", 50), ("green", 60)], [Reason.OPENED, Reason.STILL_OPEN, Reason.RESOLVED]),
        # back in red within a day of the last one that was told; its end is told to nobody either
        (
            [("red", 0), ("yellow", 1), ("red", 23), ("green", 23.5), ("red", 24)],
            [Reason.OPENED, Reason.RESOLVED, Reason.COOLDOWN, Reason.NOT_TOLD, Reason.OPENED],
        ),
        # the cooldown counts from the alert that was told, not from the one that was kept back
        (
            [("red", 0), ("green", 1), ("red", 20), ("green", 21), ("red", 30)],
            [Reason.OPENED, Reason.RESOLVED, Reason.COOLDOWN, Reason.NOT_TOLD, Reason.OPENED],
        ),
    ],
)
def test_reasons_of_a_story(transition, steps, reasons):
    assert [d.reason for d in run(transition(to, hours=h) for to, h in steps)] == reasons


def test_an_episode_has_one_id_from_its_opening_transition(transition):
    opened, again, resolved = run([transition(), transition(hours=30), transition("green", hours=40)])
    assert opened.alert.id == resolved.alert.id == opened.state.open.id == again.state.open.id
    assert (opened.notice, again.notice, resolved.notice) == (Notice.FIRING, None, Notice.RESOLVED)
    assert (opened.alert.status, resolved.alert.status) == (AlertStatus.FIRING, AlertStatus.RESOLVED)
    assert resolved.alert.opened_at == opened.alert.opened_at
    assert resolved.state.open is None
    later = run([transition(), transition("green", hours=40), transition(hours=80)])[2]
    assert later.alert.id != opened.alert.id


def test_the_rules_of_an_account_have_states_of_their_own_but_ids_never_meet(transition):
    ids = {
        decide(None, transition(rule=r, account=a), 0, POLICY).alert.id for r in ("zone", "drop") for a in ("A", "B")
    }
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ({"offset": 7}, Reason.DUPLICATE),  # the same again
        ({"offset": 6, "hours": -1}, Reason.DUPLICATE),  # an earlier one, produced again by a replay
        ({"offset": 8, "hours": 0}, Reason.RESOLVED),  # a later tick may carry the same time
        ({"offset": 2, "hours": 1}, Reason.RESOLVED),  # lower and later: the topic was made again
        ({"offset": 2, "hours": 0, "partition": 4}, Reason.DUPLICATE),  # offsets of two partitions say nothing
        ({"offset": 2, "hours": 1, "partition": 4}, Reason.RESOLVED),
    ],
)
def test_what_is_at_or_below_the_last_transition_is_dropped(transition, second, reason):
    first = decide(None, transition(offset=7), 0, POLICY)
    again = decide(first.state, transition("green", **second), 0, POLICY)
    assert again.reason is reason
    if reason is Reason.DUPLICATE:
        assert again.state is first.state
        assert again.alert is None


@pytest.mark.parametrize(
    ("late_ms", "reason"), [(0, Reason.OPENED), (6 * HOUR_MS, Reason.OPENED), (6 * HOUR_MS + 1, Reason.TOO_OLD)]
)
def test_an_old_log_tells_nobody_but_the_state_follows(transition, late_ms, reason):
    (opened,) = run([transition()], late_ms=late_ms)
    assert opened.reason is reason
    assert opened.state.open is not None
    assert opened.alert is not None
    assert bool(opened.receivers) is (reason is Reason.OPENED)


def test_history_that_is_loaded_opens_an_episode_and_tells_nobody_of_its_end_either(transition):
    loaded = transition(more={"backfill": True})
    opened, resolved = run([loaded, transition("green", hours=1)])
    assert (opened.reason, resolved.reason) == (Reason.BACKFILL, Reason.NOT_TOLD)
    assert (opened.notice, opened.receivers, resolved.notice) == (None, (), None)
    assert opened.reason.suppresses
    (again,) = run([transition(hours=2)])
    assert again.reason is Reason.OPENED


def test_the_end_of_an_episode_is_told_late_or_not_at_all(transition):
    opened = decide(None, transition(), 0, POLICY)
    closing = transition("green", hours=1)
    assert decide(opened.state, closing, to_ms(closing.time) + 7 * HOUR_MS, POLICY).reason is Reason.TOO_OLD


def test_without_receivers_alerts_are_recorded_and_told_nobody(transition):
    opened, resolved = run([transition(), transition("green", hours=1)], NOBODY)
    assert (opened.reason, resolved.reason) == (Reason.NO_RECEIVER, Reason.NOT_TOLD)
    assert opened.alert is not None
    assert opened.state.notified_ms is None


def test_a_resolve_goes_to_those_who_were_told_and_are_still_there(transition):
    (opened,) = run([transition()], AlertPolicy(receivers=("webhook", "slack")))
    closing = transition("green", hours=1)
    now_ms = to_ms(closing.time)
    assert decide(opened.state, closing, now_ms, AlertPolicy(receivers=("slack", "mail"))).receivers == ("slack",)
    assert decide(opened.state, closing, now_ms, AlertPolicy(receivers=("mail",))).reason is Reason.NOT_TOLD


def test_the_alert_carries_the_receipt_and_the_words(transition, contribution):
    item = transition(
        contributions=(contribution(points=38.0, value=3.0, value_before=12.0, points_before=61.0),),
        reference_score=61.0,
        reference_time=from_ms(to_ms(transition().time) - 7 * 24 * HOUR_MS),
    )
    alert = decide(None, item, 0, POLICY).alert
    assert (alert.score, alert.score_before, alert.receipt) == (38.0, 61.0, item.receipt)
    assert alert.title == "Acme entered red: 38, was 61 on 22 February"
    assert alert.reason == "Active users 3, was 12."


# steps: (holds, zone it is in, hours)
@pytest.mark.parametrize(
    ("steps", "reasons"),
    [
        # a rule that holds in green is told, and so is its end
        ([(True, "green", 0), (False, "green", 5)], [Reason.OPENED, Reason.RESOLVED]),
        # a rule that ends in red ends all the same: red is the zone's own alert
        ([(True, "red", 0), (False, "red", 5)], [Reason.OPENED, Reason.RESOLVED]),
        # its first word is its end (it held before we heard of it)
        ([(False, "red", 0)], [Reason.NOTHING_OPEN]),
        # an account that churned
        ([(True, "yellow", 0), (False, None, 5)], [Reason.OPENED, Reason.RESOLVED]),
        # the cooldown is the rule's own
        (
            [(True, "green", 0), (False, "green", 1), (True, "green", 2), (False, "green", 3)],
            [Reason.OPENED, Reason.RESOLVED, Reason.COOLDOWN, Reason.NOT_TOLD],
        ),
    ],
)
def test_a_rule_opens_when_it_begins_to_hold_and_resolves_when_it_ends(transition, steps, reasons):
    items = [
        transition(zone, came_from=zone, hours=hours, rule="ready-to-grow", more={"active": holds})
        for holds, zone, hours in steps
    ]
    assert [d.reason for d in run(items)] == reasons


def test_entering_red_means_the_same_with_and_without_the_word_for_it(transition):
    old = [transition("red"), transition("green", hours=5)]
    new = [item.model_copy(update={"active": item.to_zone == "red"}) for item in old]
    assert run(old) == run(new)


def test_an_alert_of_a_rule_carries_what_its_receivers_need(transition):
    facts = AccountFacts(name="Acme Ltd", owner="sato@example.com", mrr=480_000, touch="high")
    more = {
        "active": True,
        "kind": RuleKind.EXPANSION,
        "label": "ready to grow",
        "profile": "enterprise",
        "account": facts,
    }
    item = transition("green", came_from="green", rule="ready-to-grow", more=more)
    closing = transition(
        None,
        hours=5,
        rule="ready-to-grow",
        standing=Standing.CHURNED,
        more={**more, "active": False, "account": AccountFacts(name="Acme Ltd", mrr=0.0)},
    )
    opened, resolved = run([item, closing])
    alert = opened.alert
    assert (alert.kind, alert.label, alert.profile, alert.account) == (
        RuleKind.EXPANSION,
        "ready to grow",
        "enterprise",
        facts,
    )
    assert alert.title == "Acme Ltd (Acme): ready to grow (expansion): score unknown"
    assert resolved.alert.id == alert.id
    assert resolved.alert.account.mrr == 0
    assert resolved.alert.title == "Acme Ltd (Acme): ready to grow (expansion) is over: it has no zone (churned)"


@pytest.mark.parametrize("wrong", [{"cooldown_ms": -1}, {"max_alert_age_ms": 0}])
def test_a_policy_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="cooldown must be"):
        AlertPolicy(**wrong)
