"""Rows between two models: which cells are the same, and what else is carried over."""

from __future__ import annotations

from pathlib import Path

import pytest

from kenko.engine.carrying import Carrier
from kenko.engine.scorer import Scorer
from kenko.engine.traits import text_or_number
from kenko.model import load_model
from kenko.model.layout import encode_layout, layout_of, read_layout
from schemas.base import from_ms
from schemas.usage_event import UsageEvent

RICH = (Path(__file__).parent / "rich.yaml").read_text()
DAY_MS = 86_400_000
T0 = 20_000 * DAY_MS


def model(*changes: tuple[str, str]):
    text = RICH
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return load_model(text, name="rich.yaml")


EVENTS = [
    ("Signed", 0, {"seats": 5, "revenue": 300, "area": "north"}),
    ("Used", 1, {"minutes": 4.5}),
    ("Login", 2, {}),
    ("NPS", 2, {"score": 9}),
    ("Renewed", 3, {"revenue": 400}),
    ("Account Updated", 3, {"owner": "sato"}),
    ("Used", 4, {"minutes": 2}),
]


def folded(of, *, until=None, ended=None):
    """The row of an account after the events, evaluated on the fifth day; and its scorer."""
    scorer = Scorer(of)
    state = scorer.new("acme")
    told = EVENTS[:until] + ([("Cancelled", ended, {})] if ended else [])
    for number, (name, day, properties) in enumerate(told):
        event = UsageEvent(
            id=f"e{number}",
            source="crm",
            account_id="acme",
            user_id=f"u{number % 2}",
            event=name,
            time=from_ms(T0 + day * DAY_MS),
            properties=properties,
        )
        scorer.apply(state, event, T0 + day * DAY_MS, bytes([number]) * 8)
    scorer.evaluate(state, T0 + 5 * DAY_MS)
    return scorer, scorer.encode(state)


def carried(live, own, live_row, own_row):
    return Carrier(Scorer(own), layout_of(live)).carry("acme", live_row, own_row)


def cell(of, state, name):
    return state.signals[[signal.name for signal in of.stored].index(name)]


def test_a_layout_is_read_back():
    layout = layout_of(model())
    assert read_layout(encode_layout(layout)) == layout


@pytest.mark.parametrize(
    "stored",
    [
        None,
        b"",
        b"{}",
        b"not json",
        encode_layout(layout_of(model())).replace(b'"version":', b'"version":9'),
        encode_layout(layout_of(model())).replace(b'"type":"count"', b'"type":"of a later version"'),
    ],
)
def test_rows_of_an_unknown_layout_are_not_read(stored):
    assert read_layout(stored) is None


@pytest.mark.parametrize(
    ("change", "new_cells"),
    [
        # what reads a cell, or names it, changes nothing in it
        (("weight: 5", "weight: 6"), set()),
        (("tickets", "complaints"), set()),
        (("actions: {match", "actions: {label: Deeds, match"), set()),
        (("onboarding: 3d", "onboarding: 4d"), set()),
        (("region: area", "region: zone_of_sales"), set()),
        # what decides its content does
        (("event: Ticket}, aggregate: count, window: 2d", "event: Ticket}, aggregate: count, window: 3d"), {"tickets"}),
        (("source: crm", "source: erp"), {"crm_use"}),
        (("baseline: 6d", "baseline: 7d"), {"minutes"}),
        (("milestones: [Login, Used]", "milestones: [Used, Login]"), {"setup"}),
        # another event is no use of the product any more: wildcards and prefixes count other events
        (
            ("events: [Account Updated]", "events: [Account Updated, Log Trait]"),
            {"actions", "crm_use", "users", "last_seen"},
        ),
    ],
)
def test_which_cells_are_the_same(change, new_cells):
    before, after = layout_of(model()), layout_of(model(change))
    assert {
        signal.name for signal, cell in zip(after.stored, after.cells, strict=True) if cell not in before.cells
    } == new_cells


def test_what_is_defined_alike_comes_from_the_live_row_and_the_rest_from_the_log():
    live, own = (
        model(),
        model(
            ("tickets", "complaints"),
            ("aggregate: {unique: user_id}, window: 2d", "aggregate: {unique: user_id}, window: 3d"),
        ),
    )
    _, live_row = folded(live)
    own_scorer, own_row = folded(own, until=3)  # as if the log had lost some

    state = carried(live, own, live_row, own_row)

    was, built = Scorer(live).decode("acme", live_row), own_scorer.decode("acme", own_row)
    assert cell(own, state, "users") == cell(own, built, "users") != cell(live, was, "users")
    for name in ("minutes", "nps", "last_seen", "setup", "ttv", "actions"):
        assert cell(own, state, name) == cell(live, was, name)
    assert (state.began_ms, state.started_ms, state.traits) == (was.began_ms, was.started_ms, was.traits)
    assert (state.zone, state.closes, state.told) == (was.zone, was.closes, was.told)
    assert state.due_ms == 0


def test_carried_twice_it_is_the_same_row():
    live, own = model(), model(("window: 3d", "window: 4d"), ("region: area", "region: owner_area"))
    _, live_row = folded(live)
    scorer, own_row = folded(own, until=5)

    once = carried(live, own, live_row, own_row)
    scorer.evaluate(once, T0 + 5 * DAY_MS)
    row = scorer.encode(once)
    twice = carried(live, own, live_row, row)
    scorer.evaluate(twice, T0 + 5 * DAY_MS)

    assert scorer.encode(twice) == row


def test_where_other_events_tell_of_contracts_the_log_is_read_anew():
    live, own = model(), model(("ended: [Cancelled]", "ended: [Closed]"))
    _, live_row = folded(live, ended=4)
    _, own_row = folded(own, ended=4)
    assert Scorer(live).decode("acme", live_row).ended_ms is not None

    state = carried(live, own, live_row, own_row)

    assert state.ended_ms is None
    assert state.first_seen_ms == T0


def test_traits_that_come_from_elsewhere_are_read_anew_and_others_stay():
    live, own = model(), model(("region: area", "region: territory"), ("mrr: [revenue]", "mrr: [income]"))
    _, live_row = folded(live)
    _, own_row = folded(own, until=1)

    state = carried(live, own, live_row, own_row)

    assert text_or_number(state, "seats") == 5
    assert text_or_number(state, "owner") == "sato", "the log no longer holds it"
    assert text_or_number(state, "mrr") == 400, "nothing newer was said"


def test_an_account_that_the_log_no_longer_knows_is_carried_whole():
    live, own = model(), model(("window: 3d", "window: 4d"))
    scorer, live_row = folded(live)

    state = carried(live, own, live_row, None)

    was = scorer.decode("acme", live_row)
    assert cell(own, state, "minutes") == []
    assert cell(own, state, "users") == cell(live, was, "users")
    assert state.rules == was.rules
    assert (state.red_since_ms, state.yellow_since_ms) == (was.red_since_ms, was.yellow_since_ms)


def test_what_was_told_of_a_rule_stays_and_for_how_long_it_would_be_so_comes_from_the_log():
    live = model()
    own = model(("window: 3d", "window: 4d"))
    live_scorer, live_row = folded(live)
    own_scorer, own_row = folded(own)
    told, built = live_scorer.decode("acme", live_row), own_scorer.decode("acme", own_row)
    told.rules = {"both": [True, None], "ended": [True, None], "gone-soon": [True, 7]}
    built.rules = {"both": [True, 5], "begun": [True, None], "begins": [False, 6], "gone-soon": [True, None]}
    told.red_since_ms, built.red_since_ms = None, T0
    told.yellow_since_ms, built.yellow_since_ms = T0, None

    state = carried(live, own, live_scorer.encode(told), own_scorer.encode(built))

    assert state.rules == {
        "begins": [False, 6],
        "begun": [False, 0],  # told at once: its hold is over
        "both": [True, 5],
        "ended": [True, 0],
        "gone-soon": [True, None],
    }
    assert (state.red_since_ms, state.yellow_since_ms) == (T0, T0)
