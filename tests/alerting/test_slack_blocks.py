from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.alerting.decide import decide
from kenko.alerting.policy import AlertPolicy
from kenko.alerting.slack import escaped, slack_payload
from schemas.alert import AlertMessage, Notice
from schemas.health import Zone
from schemas.transition import AccountFacts, RuleKind

HOSTILE = "<!channel> <@U1> <https://evil|Invoice> & \u202eabc\n" * 800  # 40 kB


def message(item, **changes):
    alert = decide(None, item, 0, AlertPolicy(receivers=("slack",))).alert.model_copy(update=changes)
    return AlertMessage(type=Notice.FIRING, timestamp=alert.updated_at, data=alert)


def texts(payload):
    found = [payload["text"]]
    for block in payload["blocks"]:
        found += [part["text"] for part in block.get("elements", [block.get("text")])]
    return found


def check(payload):
    assert len(payload["blocks"]) <= 50
    assert payload["text"]
    for block in payload["blocks"]:
        for part in block.get("elements", [block.get("text")]):
            assert part["type"] == "plain_text"
            assert 0 < len(part["text"]) <= (150 if block["type"] == "header" else 3000)
    assert sum(map(len, texts(payload))) <= 9000
    for text in texts(payload):
        assert "<" not in text
        assert ">" not in text
        assert not re.search(r"&(?!amp;|lt;|gt;)", text)
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x1f\x7f]", text)


def test_an_alert_reads_as_it_should(transition, contribution):
    parts = (contribution(points=38.0, value=3.0, points_before=61.0, value_before=12.0),)
    item = transition(contributions=parts, reference_score=61.0, reference_time=transition().time)
    payload = slack_payload(message(item, id="a1"))
    assert texts(payload) == [
        "Acme entered red: 38, was 61 on 1 March. Active users 3, was 12.",
        "\N{LARGE RED CIRCLE} Acme entered red: 38, was 61 on 1 March",
        "Active users 3, was 12.",
        "Next: Contact the account and ask about Active users.",
        "rule zone, alert a1",
    ]
    assert [payload[name] for name in ("mrkdwn", "link_names", "unfurl_links", "unfurl_media")] == [False] * 4


@pytest.mark.parametrize(
    ("kind", "notice", "zone", "mark"),
    [
        ("churn", Notice.FIRING, "red", "\N{LARGE RED CIRCLE}"),
        ("churn", Notice.FIRING, "green", "\N{LARGE RED CIRCLE}"),  # a drop inside green
        ("renewal", Notice.FIRING, "yellow", "\N{LARGE ORANGE CIRCLE}"),
        ("expansion", Notice.FIRING, "green", "\N{LARGE BLUE CIRCLE}"),
        ("churn", Notice.RESOLVED, "yellow", "\N{LARGE GREEN CIRCLE}"),
        ("churn", Notice.RESOLVED, None, "\N{MEDIUM WHITE CIRCLE}"),  # it churned: that is not well
        ("expansion", Notice.RESOLVED, "yellow", "\N{MEDIUM WHITE CIRCLE}"),
    ],
)
def test_the_colour_says_whether_it_is_good_news(transition, kind, notice, zone, mark):
    changed = message(transition(), kind=RuleKind(kind), zone=zone and Zone(zone)).model_copy(update={"type": notice})
    assert texts(slack_payload(changed))[1].startswith(f"{mark} ")


def test_a_rule_is_named_with_its_kind_and_the_accounts_profile(transition):
    more = {"active": True, "kind": RuleKind.EXPANSION, "label": "ready to grow", "profile": "enterprise"}
    item = transition("green", rule="ready-to-grow", more=more)
    assert texts(slack_payload(message(item, id="a1")))[1:] == [
        "\N{LARGE BLUE CIRCLE} Acme: ready to grow (expansion): score unknown",
        "It is in green.",
        "Next: Propose more: the account does well.",
        "rule ready-to-grow (expansion), profile enterprise, alert a1",
    ]


def test_hostile_facts_name_nobody(transition):
    facts = AccountFacts(name=HOSTILE, owner=HOSTILE)
    item = transition(rule="r", more={"active": True, "label": HOSTILE, "account": facts, "profile": HOSTILE})
    check(slack_payload(message(item)))


def test_hostile_text_names_nobody_and_links_nowhere(transition):
    payload = slack_payload(message(transition(), title=HOSTILE, reason=HOSTILE, next_step=HOSTILE, rule=HOSTILE))
    check(payload)
    assert len(json.dumps(payload)) < 40_000


@given(words=st.tuples(*[st.text(alphabet=st.one_of(st.sampled_from("<>&\u202e\n|!@"), st.characters()))] * 4))
def test_no_angle_bracket_of_the_input_is_left_unescaped(transition, words):
    title, reason, next_step, rule = words
    check(slack_payload(message(transition(), title=title or "t", reason=reason, next_step=next_step, rule=rule)))


@pytest.mark.parametrize(
    ("text", "limit", "result"),
    [
        ("a & b", 20, "a &amp; b"),
        ("<<<<", 10, "&lt;&lt;…"),  # never cut inside an entity
        ("&amp;", 20, "&amp;amp;"),  # what looks escaped is text like any other
        ("abcdef", 4, "abc…"),
    ],
)
def test_escaping(text, limit, result):
    assert escaped(text, limit) == result
