"""The words of rules by their kind, of what is known of an account, and of a score set by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.alerting.render import render_firing, render_resolved
from schemas.base import from_ms, to_ms
from schemas.health import Standing
from schemas.transition import AccountFacts, Cause, RuleKind

DAY_MS = 86_400_000
START_MS = 1_772_323_200_000  # 1 March 2026


def days(count):
    return from_ms(START_MS + count * DAY_MS)


@pytest.fixture
def rule(transition, contribution):
    """A rule that began to hold in yellow at 52, was 61: users fell, NPS fell, onboarding stands, seats do well."""
    parts = (
        contribution("active_users", 20.0, unit="users", points_before=30.0, value=3.0, value_before=12.0, health=40.0),
        contribution("nps", 2.0, label="NPS", group="sentiment", points_before=10.0, value=4.0, value_before=9.0),
        contribution("onboarding", 5.0, group="start", value=0.75, points_before=5.0, value_before=0.75, health=75.0),
        contribution("seat_use", 25.0, points_before=16.0, value=0.95, value_before=0.7, health=100.0),
    )

    def make(kind, to="yellow", *, label="a rule", facts=None, **fields):
        more = {"kind": RuleKind(kind), "label": label, "active": True, "account": facts or AccountFacts()}
        given = {"reference_score": 61.0, "reference_time": days(-7), "last_seen": days(0), "contributions": parts}
        return transition(to, came_from=to, rule="its-name", more=more, **{**given, **fields})

    return make


@pytest.mark.parametrize(
    ("kind", "reason", "step"),
    [
        (
            "churn",
            "Active users 3, was 12. NPS 4, was 9. It is in yellow.",
            "Contact the account and ask about Active users.",
        ),
        ("sentiment", "NPS 4, was 9. It is in yellow.", "Answer fast: thank them, and ask what is behind it."),
        (
            "support",  # no input is about it: what the score lost
            "Active users 3, was 12. NPS 4, was 9. It is in yellow.",
            "Go through their tickets with support, and say what will happen next.",
        ),
        (
            "onboarding",
            "Onboarding 0.75, unchanged. It is in yellow.",
            "Help them to the next step: Onboarding 0.75.",
        ),
        (
            "renewal",
            "Active users 3, was 12. NPS 4, was 9. It is in yellow.",
            "Before the renewal: ask about Active users while there is time.",
        ),
        (
            "expansion",
            "Seat use 0.95, was 0.7. Onboarding 0.75, unchanged. It is in yellow.",
            "Propose more: Seat use 0.95.",
        ),
    ],
)
def test_a_rule_says_what_it_is_about(rule, kind, reason, step):
    words = render_firing(rule(kind, label="fast drop"))
    assert words.title == f"Acme: fast drop ({kind}): score 52, was 61 on 22 February"
    assert words.reason == reason
    assert words.next_step == step


def test_every_kind_of_rule_has_words_without_any_input(transition):
    for kind in RuleKind:
        words = render_firing(transition("green", rule="r", more={"kind": kind, "active": True}))
        assert words.title == f"Acme: r ({kind.value}): score unknown"
        assert words.reason.endswith("It is in green.")
        assert words.next_step.endswith(".")
        assert "red" not in words.title + words.reason


def test_a_rule_that_passing_time_brought_begins_with_the_silence(rule):
    words = render_firing(rule("churn", label="gone quiet", cause=Cause.PASSING_TIME, last_seen=days(-9)))
    assert words.reason.startswith("No activity for 9 days. Active users 3, was 12.")
    assert words.next_step == "Contact the account: nobody has been active for 9 days."


def test_a_new_account_has_no_zone_yet(rule):
    words = render_firing(rule("churn", to=None, standing=Standing.NEW))
    assert words.reason.endswith("It is new and has no zone yet.")


def test_a_rule_whose_model_changed_says_so_whatever_its_kind(rule):
    for kind in RuleKind:
        words = render_firing(rule(kind, cause=Cause.CHANGED_MODEL))
        assert words.reason.startswith("The health model changed, not what the account does.")
        assert words.next_step == "Check the change of the model before you contact the account."


def test_what_is_known_of_the_account_stands_beside(rule):
    facts = AccountFacts(name="Acme Ltd", owner="Sato", mrr=480_000, renewal_date=days(41))
    words = render_firing(rule("renewal", label="renewal at risk", facts=facts))
    assert words.title == "Acme Ltd (Acme): renewal at risk (renewal): score 52, was 61 on 22 February"
    assert words.reason.endswith("It is in yellow. Renewal in 41 days, 480,000 a month. Owner: Sato.")
    assert words.next_step == "Renewal on 11 April: ask about Active users while there is time."


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({}, ""),
        ({"name": "Acme"}, ""),  # the same as the id
        ({"mrr": 0.0}, ""),  # brings nothing: nothing is at stake
        ({"mrr": 99.5}, " 99.5 a month."),
        ({"renewal_date": days(0)}, " Renewal today."),
        ({"renewal_date": days(1)}, " Renewal in 1 day."),
        ({"renewal_date": days(-1)}, " Renewal was due 1 day ago."),
        ({"renewal_date": days(-2), "mrr": 5.0}, " Renewal was due 2 days ago, 5 a month."),
        ({"owner": "\u202e<@U1>\nSato"}, " Owner: <@U1> Sato."),  # harmless; escaped where it is sent
        ({"owner": " "}, ""),
    ],
)
def test_only_what_is_known_and_matters_is_said(rule, facts, says):
    words = render_firing(rule("sentiment", facts=AccountFacts(**facts)))
    assert words.reason == f"NPS 4, was 9. It is in yellow.{says}"
    assert words.title.startswith("Acme: ")


def test_entering_red_says_what_is_at_stake_too(transition, contribution):
    more = {"account": AccountFacts(name="Acme Ltd", owner="Sato")}
    words = render_firing(transition(contributions=(contribution(health=10.0),), more=more))
    assert words.title == "Acme Ltd (Acme) entered red: 10"
    assert words.reason == "Active users 3. Owner: Sato."


def test_a_score_set_by_hand_is_said_with_who_and_why(transition, contribution):
    by_hand = contribution(
        "override", -25.0, group="override", label="Set by sato: Merger announced.", value=35.0, health=None, weight=0
    )
    item = transition(contributions=(contribution(points=60.0), by_hand), cause=Cause.OVERRIDE)
    words = render_firing(item)
    assert words.title == "Acme entered red: 35"
    assert words.reason.startswith("The score was set by hand. Set by sato: Merger announced. Active users 3.")
    assert words.next_step == "Agree with whoever set the score what to do next."


def test_what_a_person_took_away_is_no_loss_of_an_input(transition, contribution):
    by_hand = contribution("override", -25.0, group="override", label="", points_before=0.0, health=None, weight=0)
    item = transition(contributions=(contribution(points=60.0), by_hand), reference_score=60.0, reference_time=days(-7))
    assert render_firing(item).reason == "The score was set by hand."


@pytest.mark.parametrize(
    ("to", "standing", "end"),
    [
        ("green", Standing.SCORED, "52, now green"),
        (None, Standing.CHURNED, "it has no zone (churned)"),
        (None, Standing.UNKNOWN, "it has no zone (unknown)"),
        (None, Standing.NEW, "52, was 61 on 22 February, new"),
    ],
)
def test_the_end_of_a_rule_says_where_the_account_is_now(rule, to, standing, end):
    closing = rule("expansion", to=to, label="ready to grow", standing=standing)
    words = render_resolved(closing, opened_ms=to_ms(days(-3)))
    assert words.title == f"Acme: ready to grow (expansion) is over: {end}"
    assert words.reason == "It held since 26 February, for 3 days."
    assert words.next_step == ""


@given(texts=st.tuples(*[st.text(max_size=600)] * 4), kind=st.sampled_from(RuleKind), cause=st.sampled_from(Cause))
def test_any_label_name_owner_and_reason_render_on_one_line_within_their_limits(
    transition, contribution, texts, kind, cause
):
    label, name, owner, said = texts
    by_hand = contribution("override", 1.0, group="override", label=said, health=None, weight=0)
    more = {"kind": kind, "label": label, "active": True, "account": AccountFacts(name=name, owner=owner)}
    words = render_firing(transition(contributions=(by_hand,), rule="r", cause=cause, more=more))
    for text in (words.title, words.reason, words.next_step):
        assert "\n" not in text
        assert 0 < len(text) <= 2000
