from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.adding import BAD, SAME
from kenko.engine.matching import EventIndex
from kenko.model.signal_spec import Count, Match, Op, PropertyTest, Signal


class Spy:
    """Answers like a signal, and counts."""

    def __init__(self):
        self.taken = 0

    def add(self, *_event):
        self.taken += 1
        return SAME


def an_index(match, **more):
    spy = Spy()
    signal = Signal(name="s", match=match, aggregate=Count(), window_ms=1, labels=(("en", "s"),), unit="")
    return EventIndex([signal], [spy], **more), spy


def sent(match, event):
    """(taken, ignored values) of one event."""
    index, spy = an_index(match)
    ignored = sum(add([], event, 0, b"") == BAD for add in index.adds(event.event))
    return spy.taken, ignored


@pytest.mark.parametrize(
    ("match", "names", "others"),
    [
        (Match(events=None), ["a", "b"], []),
        (Match(events=("a", "b")), ["a", "b"], ["c", "A", "ab"]),
        (Match(events=None, prefixes=("report.",)), ["report.", "report.x"], ["report", "Report.x", "a"]),
        (Match(events=("a",), prefixes=("r.", "t.")), ["a", "r.1", "t.2"], ["b", "ra"]),
        (Match(events=None, excluded=("a",), excluded_prefixes=("b.",)), ["b", "c"], ["a", "b.c"]),
        (Match(events=("a", "b"), excluded=("a",)), ["b"], ["a"]),
        (Match(events=None, prefixes=("r.",), excluded_prefixes=("r.x",)), ["r.y"], ["r.x", "r.xy"]),
    ],
)
def test_names(event, match, names, others):
    assert [name for name in names if sent(match, event(name)) != (1, 0)] == []
    assert [name for name in others if sent(match, event(name)) != (0, 0)] == []


def test_sources(event):
    match = Match(events=None, sources=("crm", "api"))
    assert [sent(match, event(source=source))[0] for source in ("crm", "api", "web")] == [1, 1, 0]


def test_all_property_tests_must_hold(event):
    match = Match(events=None, tests=(PropertyTest("n", Op.GTE, 10.0), PropertyTest("kind", Op.IN, ("pdf", "csv"))))
    assert sent(match, event(n=10, kind="csv"))[0] == 1
    assert sent(match, event(n=9, kind="csv"))[0] == 0
    assert sent(match, event(n=10))[0] == 0


@given(st.lists(st.text(min_size=1, max_size=5), max_size=30))
def test_an_index_remembers_no_more_names_than_it_may(names):
    index, _ = an_index(Match(events=None, prefixes=("a",)))
    for name in names:
        assert len(index.adds(name)) == name.startswith("a")
    assert index.adds.cache_info().maxsize == 4096


@pytest.mark.parametrize(
    ("text", "properties", "outcome"),
    [
        ("properties.total * 2.0 > 100.0", {"total": 50.5}, (1, 0)),
        ("properties.total * 2.0 > 100.0", {"total": 50.0}, (0, 0)),
        ("properties.n > 2", {"n": 3}, (1, 0)),
        ("has(properties.n) && properties.n > 2", {}, (0, 0)),
        ("properties.n > 2", {}, (0, 1)),  # no such key
        ("properties.n > 2", {"n": "many"}, (0, 1)),
        ("properties.n / 0 > 2", {"n": 1}, (0, 1)),
        ("properties.n", {"n": 1}, (0, 1)),  # neither true nor false
        ("properties.n", {"n": True}, (1, 0)),
        ("properties.n > 2", {"n": 10**400}, (0, 1)),
        ("properties.n > 2.0", {"n": math.nan}, (0, 1)),
        ("properties.s.matches('[')", {"s": "x"}, (0, 1)),
        ("properties.s == 'x'", {"s": "\ud800"}, (0, 1)),
        ("properties.d.a[1] == 2", {"d": {"a": [1, 2]}}, (1, 0)),
        ("nosuch(1)", {}, (0, 1)),
        ("event == 'Order' && source == 'api' && user_id == 'ann'", {}, (1, 0)),
    ],
)
def test_a_cel_condition(event, text, properties, outcome):
    made = event("Order", user="ann").model_copy(update={"properties": properties})
    assert sent(Match(events=("Order",), cel=text), made) == outcome


def test_an_event_without_a_user_has_null_for_one(event):
    assert sent(Match(events=None, cel="user_id == null"), event()) == (1, 0)


def test_cel_is_asked_only_when_name_source_and_properties_fit(event):
    fails = "properties.nosuch"
    assert sent(Match(events=("Order",), cel=fails), event("Login")) == (0, 0)
    assert sent(Match(events=None, sources=("crm",), cel=fails), event()) == (0, 0)
    assert sent(Match(events=None, tests=(PropertyTest("n", Op.EXISTS, True),), cel=fails), event()) == (0, 0)
    assert sent(Match(events=None, cel=fails), event()) == (0, 1)


@pytest.mark.parametrize("text", ["", "1 +", "properties.", "(" * 500])
def test_a_broken_cel_condition_is_refused_before_the_first_event(text):
    with pytest.raises(ValueError):
        an_index(Match(events=None, cel=text))


def test_without_the_extra_the_refusal_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cel", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'kenko\[cel\]'"):
        an_index(Match(events=None, cel="true"))
