from __future__ import annotations

import string

import pytest

from kenko.model import load_model
from kenko.model.describe import MOST_EVENTS, describe, words_of
from kenko.model.diff import Cost, diff_models
from kenko.model.phrases import ENGLISH, JAPANESE, LANGUAGES


def _diff(text, *changes):
    after = text
    for old, new in changes:
        assert old in after
        after = after.replace(old, new, 1)
    return diff_models(load_model(text), load_model(after))


def _said(text, *changes):
    diff = _diff(text, *changes)
    return [f"{change.heading} {change}" for change in (*diff.changes, *diff.wording)]


def test_the_same_model_changes_nothing(full):
    assert _diff(full) == ((), (), Cost.NOTHING)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            [("  tenure: {aggregate: tenure}\n", "  mrr: {trait: mrr}\n")],
            [
                "measured - tenure: days as a customer",
                "measured + mrr: mrr, as it is known",
                "labels - tenure: en: tenure, [days]",
                "labels + mrr: en: mrr",
            ],
        ),
        (
            [("window: 28d, label", "window: 14d, label")],
            ["measured ~ actions: events in 28 days: any event -> events in 14 days: any event"],
        ),
        (
            [("weight: 2,", "weight: 3,")],
            [
                "shares ~ adoption / seat_use: 41.7 % -> 46.9 %",
                "shares ~ adoption / trend: 20.8 % -> 15.6 %",
            ],
        ),
        (
            [("[0.8, 100]]}, missing: last", "[0.9, 100]]}, missing: worst")],
            [
                ("inputs ~ adoption / seat_use: 0.2 is 0, 0.8 is 100; without data as it last was"
                " -> 0.2 is 0, 0.9 is 100; without data it is 0")
            ],
        ),
        ([("at_most: 39", "at_most: 29")], ["limits ~ nps at most 3: the score is at most 39 -> the score is at most 29"]),
        (
            [("{below: 70, clear_above: 74, for: 1h}", "{below: 72, clear_above: 74}")],
            ["zones ~ yellow: below 70 for 1 hour, until above 74 -> below 72, until above 74"],
        ),
        (
            [("name: detractor", "name: critic")],
            [
                "rules - detractor: sentiment: nps at most 6",
                "rules + critic: sentiment: nps at most 6",
                # the second profile has no such rule
                "profiles - enterprise / Rules / detractor: none",
                "profiles + enterprise / Rules / critic: none",
                "labels - rule detractor: en: detractor",
                "labels + rule critic: en: critic",
            ],
        ),
        (
            [("{below: 50, clear_above: 55}", "{below: 51, clear_above: 55}")],
            ["profiles ~ enterprise / Zones / red: below 50, until above 55 -> below 51, until above 55"],
        ),
        ([("renewal: 90d", "renewal: 60d")], ["facts ~ renewal begins before the date: 90 days -> 60 days"]),
        ([("[50, 0.1]", "[50, 0.2]")], ["calibration ~ score 50: 10 % -> 20 %"]),
        ([("version: 7", "version: 8")], ["about ~ version: 7 -> 8"]),
        (
            [("ja: 操作", "ja: 利用")],
            ["labels ~ actions: en: Actions, ja: 操作, [actions] -> en: Actions, ja: 利用, [actions]"],
        ),
        (
            [("zone: red, score: {lt: 40}", "zone: red")],
            [
                ("tests ~ a silent account goes red: fixtures/silent.jsonl, acme, at 21 days: zone red, standing scored, "
                "profile enterprise, score lt 40, rules [gone-quiet] -> fixtures/silent.jsonl, acme, at 21 days: zone red, "
                "standing scored, profile enterprise, rules [gone-quiet]")
            ],
        ),
    ],
)  # fmt: skip
def test_a_change_is_said_in_words(full, changes, said):
    assert _said(full, *changes) == said


def test_words_alone_cost_nothing_and_say_so(full):
    diff = _diff(full, ("ja: 操作", "ja: 利用"))
    assert (diff.changes, diff.cost) == ((), Cost.WORDS)


def test_a_change_of_everything_keeps_its_order(full):
    diff = _diff(full, ("version: 7", "version: 8"), ("below: 40", "below: 41"), ("window: 7d", "window: 8d"))
    assert [change.heading for change in diff.changes] == ["measured", "zones"]
    assert diff.cost is Cost.REBUILD


def _places(phrase):
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


def test_every_language_has_every_phrase_with_the_same_parts():
    assert JAPANESE.keys() == ENGLISH.keys()
    # Japanese says "契約の終了" where English counts nothing in either: the parts are what must not get lost.
    assert {key: _places(phrase) for key, phrase in JAPANESE.items()} == {
        key: _places(phrase) for key, phrase in ENGLISH.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_part_of_the_language_has_words(full, language):
    model = load_model(full)
    sections = describe(model, words_of(model, LANGUAGES[language], language))
    assert all(sections.values())
    assert len(sections["measured"]) == len(model.signals)
    assert len(sections["rules"]) == len(model.base.rules)
    assert "{" not in "".join(text for parts in sections.values() for text in parts.values())


def test_signals_of_one_label_are_told_apart(full):
    model = load_model(full.replace("  seats: {trait: seats}", "  seats: {trait: seats, label: Actions}"))
    measured = describe(model, words_of(model, ENGLISH, "en"))["measured"]
    assert {"Actions (actions)", "Actions (seats)"} <= measured.keys()


def test_a_long_list_of_events_is_cut_for_people_and_whole_in_a_diff(full):
    names = ", ".join(f"E{n}" for n in range(10))
    changed = full.replace("{match: {event: CSAT}", f"{{match: {{event: [{names}]}}")
    model = load_model(changed)
    words = describe(model, words_of(model, ENGLISH, "en"))["measured"]["csat"]
    assert words == f"the latest score: E0, E1, E2, E3, E4, E5 and {10 - MOST_EVENTS} more; none after 90 days"
    (change,) = _diff(full, ("{match: {event: CSAT}", f"{{match: {{event: [{names}]}}")).changes
    assert names in change.after
