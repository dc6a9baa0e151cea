from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.alerting.render import render_firing, render_resolved
from kenko.alerting.words import day, duration, number, plain, quantity, score_text
from schemas.base import from_ms, to_ms
from schemas.health import Standing
from schemas.transition import Cause

DAY_MS = 86_400_000


def ago(item, days):
    return from_ms(to_ms(item.time) - round(days * DAY_MS))


@pytest.fixture
def fall(transition, contribution):
    """38, was 61 a week ago: users cost 15 points, tickets 9, and exports gained 1."""
    parts = (
        contribution("exports", 9.0, points_before=8.0, value=20.0, value_before=18.0),
        contribution("tickets", 6.0, label="Open tickets", points_before=15.0, value=6.0, value_before=1.0),
        contribution("active_users", 23.0, unit="users", points_before=38.0, value=3.0, value_before=12.0),
    )

    def make(**fields):
        at = transition().time
        given = {"reference_score": 61.0, "reference_time": from_ms(to_ms(at) - 7 * DAY_MS), "last_seen": at}
        return transition(contributions=parts, **{**given, **fields})

    return make


def test_the_largest_losses_come_first_and_gains_are_no_reason(fall):
    words = render_firing(fall())
    assert words.title == "Acme entered red: 38, was 61 on 22 February"
    assert words.reason == "Active users 3, was 12. Open tickets 6, was 1."
    assert words.next_step == "Contact the account and ask about Active users."


def test_what_passing_time_did_begins_with_the_silence(fall):
    item = fall(cause=Cause.PASSING_TIME, last_seen=ago(fall(), 9.4))
    words = render_firing(item)
    assert words.reason == "No activity for 9 days. Active users 3, was 12. Open tickets 6, was 1."
    assert words.next_step == "Contact the account: nobody has been active for 9 days."


def test_behaviour_that_is_also_silence_ends_with_it(fall):
    assert render_firing(fall(last_seen=ago(fall(), 4))).reason.endswith("was 1. No activity for 4 days.")
    assert "No activity" not in render_firing(fall(last_seen=ago(fall(), 2))).reason


def test_silence_is_not_said_twice(transition, contribution):
    recency = contribution("last_seen", 1.0, label="Last activity", unit="days", value=9.3, points_before=14.0)
    item = transition(contributions=(recency,), reference_score=50.0, reference_time=ago(transition(), 7))
    item = item.model_copy(update={"cause": Cause.PASSING_TIME})
    item = item.model_copy(update={"receipt": item.receipt.model_copy(update={"last_seen": ago(item, 9.3)})})
    assert render_firing(item).reason == "No activity for 9 days."


@pytest.mark.parametrize(
    ("cause", "begins"),
    [
        (Cause.CHANGED_MODEL, "The health model changed, not what the account does."),
        (Cause.LATE_DATA, "Data that arrived late changed the score."),
        (Cause.OVERRIDE, "A score that was set by hand no longer counts."),
    ],
)
def test_a_cause_that_is_not_the_customers_is_said_first(fall, cause, begins):
    assert render_firing(fall(cause=cause)).reason.startswith(begins)


def test_without_a_reference_the_lowest_health_by_weight_comes_first(transition, contribution):
    item = transition(
        contributions=(
            contribution("nps", 5.0, label="NPS", health=50.0, weight=0.1, value=6.0),
            contribution("features", 0.0, health=0.0, weight=0.6, value=1.0),
            contribution("minutes", 20.0, unit="minutes", health=66.0, weight=0.3, value=1234.5),
            contribution("perfect", 10.0, health=100.0, weight=0.1),
        )
    )
    words = render_firing(item)
    assert words.title == "Acme entered red: 35"
    assert words.reason == "Features 1. Minutes 1,234. NPS 6."


def test_what_is_not_known_is_said_so(transition, contribution):
    item = transition(cause=Cause.PASSING_TIME, contributions=(contribution("nps", 2.0, value=None, health=None),))
    words = render_firing(item)
    assert words.reason == "Its last activity is unknown. Nps: no data."
    empty = render_firing(transition())
    assert empty.title == "Acme entered red: score unknown"
    assert empty.reason == "The receipt names no input that lost points."


def test_a_cap_and_a_value_that_stayed_the_same_read_right(transition, contribution):
    item = transition(
        contributions=(
            contribution("usage", 50.0, points_before=55.0, value=3.0, value_before=3.0),
            contribution("cap", -11.0, group="cap", label="NPS is 3 or less", value=None, health=None, weight=0),
            contribution("gone", 0.0, points_before=3.0, value=None, value_before=4.0),
        ),
        reference_score=58.0,
        reference_time=ago(transition(), 7),
    )
    assert render_firing(item).reason == (
        "NPS is 3 or less (this caps the score). Usage 3, unchanged. Gone: no data, was 4."
    )


def test_the_end_says_where_the_account_is_now_and_how_long_it_was_red(transition, contribution):
    opened_ms = to_ms(transition().time)
    closing = transition("yellow", hours=75, contributions=(contribution(points=52.0),))
    words = render_resolved(closing, opened_ms=opened_ms)
    assert words.title == "Acme left red: 52, now yellow"
    assert words.reason == "It was red since 1 March, for 3 days."
    gone = render_resolved(transition(None, hours=1, standing=Standing.CHURNED), opened_ms=opened_ms)
    assert gone.title == "Acme left red: it has no zone any more (churned)"
    assert gone.reason == "It was red since 1 March, for 1 hour."


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (-0.001, "0"),  # no minus before nothing
        (0.254, "0.25"),
        (12.34, "12.3"),
        (99.96, "100"),
        (1234.5, "1,234"),
        (1e18, "1e+18"),
    ],
)
def test_numbers_keep_the_digits_that_matter(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1, "days", "1 day"), (9, "days", "9 days"), (20, "%", "20%"), (None, "days", "no data"), (1, "press", "1 press")],
)
def test_units(value, unit, text):
    assert quantity(value, unit) == text


@pytest.mark.parametrize(("score", "text"), [(39.99, "39"), (40.0, "40"), (0.0, "0"), (None, "unknown")])
def test_a_score_never_reads_as_one_on_the_other_side_of_its_border(score, text):
    assert score_text(score) == text


def test_days_and_durations(transition):
    at = transition().time
    assert day(ago(transition(), 80), seen_from=at) == "11 December 2025"
    assert [duration(h * 3_600_000) for h in (0, 1, 47, 48)] == ["less than an hour", "1 hour", "47 hours", "2 days"]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Acme\r\nCo\tLtd", "Acme Co Ltd"),  # line breaks
        ("\u202egnp.exe\u202c", "gnp.exe"),  # right-to-left override
        ("A\u200bc\u2060me\ufeff", "Acme"),  # zero width
        ("\x1b[31mred\x00", "[31mred"),  # ANSI, NUL
        ("a\u2028b", "a b"),  # a line break to JavaScript
        ("\ud800x", "x"),  # a lone surrogate
        ("e" + "\u0301" * 50, "e" + "\u0301" * 4),  # a tower of accents
        ("健康株式会社", "健康株式会社"),
        ("x" * 41, "x" * 39 + "…"),
    ],
)
def test_text_from_outside_is_made_harmless(text, clean):
    assert plain(text, 40) == clean


@given(name=st.text(min_size=1), label=st.text(), limit=st.integers(1, 200))
def test_no_text_breaks_the_line_or_the_limit(name, label, limit):
    for text in (plain(name, limit), plain(label, limit)):
        assert len(text) <= limit
        assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in text)


@given(labels=st.lists(st.text(max_size=3000), min_size=1, max_size=6))
def test_any_label_renders_within_its_limits(transition, contribution, labels):
    parts = tuple(contribution(f"s{i}", 1.0, label=label, health=0.0) for i, label in enumerate(labels))
    words = render_firing(transition(contributions=parts))
    assert "\n" not in words.title + words.reason + words.next_step
    assert len(words.reason) <= 2000
