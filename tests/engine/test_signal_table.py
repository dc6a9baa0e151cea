from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kenko.engine.adding import BAD, CHANGED
from kenko.engine.assessing import Recall
from kenko.engine.identity import keyed_hash
from kenko.engine.intake import Intake
from kenko.engine.signals.table import SignalTable
from kenko.engine.state import AccountState, Told
from kenko.engine.traits import TraitRules, tell
from kenko.model.score_spec import Boundary, Group, Input, Missing, Points, Policy, Profile, Zones
from kenko.model.signal_spec import (
    ActiveDays,
    Count,
    DaysToRenewal,
    Latest,
    Match,
    Milestones,
    Nps,
    Op,
    PropertyTest,
    Ratio,
    Recency,
    Reference,
    Signal,
    Sum,
    Tenure,
    TimeTo,
    TraitValue,
    Trend,
    Unique,
)
from kenko.model.spec import HealthModel, Traits

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
T0 = 20_000 * DAY_MS
MILLION = 1_000_000
ANY = Match(events=None)
SEATS = Reference("seats", is_trait=True)
FLAT = Points(((0, 0), (1, 100)))


def signal(name, aggregate, match=None, window_ms=None):
    return Signal(name=name, match=match, aggregate=aggregate, window_ms=window_ms, labels=(("en", name),), unit="")


def policy(*inputs):
    edge = Boundary(below=40, clear_above=45, for_ms=0)
    return Policy(
        groups=(Group("all", 1, inputs),), caps=(), new_account_grace_ms=0, zones=Zones(red=edge, yellow=edge)
    )


def an_input(name, per=None, scale=1.0):
    return Input(signal=name, weight=1, curve=FLAT, missing=Missing.REDISTRIBUTE, per=per, scale=scale)


def model_of(*signals, inputs=(), **more):
    ordered = tuple(sorted(signals, key=lambda s: s.name))
    return HealthModel(name="m", version=1, signals=ordered, base=policy(*inputs), **more)


def table_of(*signals, inputs=(), **more):
    return SignalTable(model_of(*signals, inputs=inputs, **more), hashed=keyed_hash(b"k"))


EVERY = (
    signal("actions", Count(), ANY, 2 * DAY_MS),
    signal("minutes", Sum("n"), Match(events=("Used",)), 3 * DAY_MS),
    signal("users", Unique(None), ANY, 2 * DAY_MS),
    signal("features", Unique("n"), Match(events=("Used",)), 7 * DAY_MS),
    signal("days", ActiveDays(), ANY, 3 * DAY_MS),
    signal("latest", Latest("n", 2 * DAY_MS), Match(events=("NPS",))),
    signal("nps", Nps("n", 3 * DAY_MS, is_average=False), Match(events=("NPS",))),
    signal("nps_mean", Nps("n", 1 * DAY_MS, is_average=True), Match(events=("NPS",))),
    signal("seen", Recency(), ANY),
    signal("steps", Milestones(("Used", "NPS", "Login")), Match(events=("Used", "NPS", "Login"))),
    signal("reach", TimeTo(("NPS", "Paid")), Match(events=("NPS", "Paid"))),
    signal("depth", Ratio(Reference("minutes", is_trait=False), Reference("users", is_trait=False))),
    signal("use", Ratio(Reference("users", is_trait=False), SEATS)),
    signal("price", Ratio(Reference("mrr", is_trait=True), SEATS)),
    signal("spread", Ratio(SEATS, Reference("features", is_trait=False))),
    signal("trend", Trend("actions", 6 * DAY_MS)),
    signal("sum_trend", Trend("minutes", 9 * DAY_MS)),
    signal("day_trend", Trend("days", 7 * DAY_MS)),
    signal("seats", TraitValue("seats")),
    signal("age", Tenure()),
    signal("renewal", DaysToRenewal()),
)
INPUTS = (an_input("actions", SEATS, 100.0), an_input("trend", Reference("users", is_trait=False), 0.1))
ARRIVALS = st.lists(
    st.tuples(
        st.sampled_from(["Used", "Login", "NPS", "Paid"]),
        st.integers(-14 * DAY_MS, HOUR_MS),
        st.sampled_from([None, "ann", "bob", "cem"]),
        st.one_of(st.integers(-2, 12), st.sampled_from([None, "x", True, 0.25])),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def table():
    return table_of(*EVERY, inputs=INPUTS)


def applied(table, event, arrivals, numbers=None):
    """An account after these arrivals; `numbers` are their ids. Answers it with the count of ignored values."""
    state = AccountState(account_id="acme", scored_by=b"", signals=table.empty())
    for name, value in (("seats", 20.0), ("mrr", 99.9), ("renewal_date", T0 + 5 * DAY_MS)):
        tell(state, name, value, T0, b"")
    return state, take(table, event, state, arrivals, numbers)


def take(table, event, state, arrivals, numbers=None):
    ignored = 0
    for number, (name, age, user, amount) in zip(numbers or range(len(arrivals)), arrivals, strict=True):
        at = T0 + age
        made = event(name, at, id_=str(number), user=user, n=amount)
        state.first_seen_ms = at if state.first_seen_ms is None else min(at, state.first_seen_ms)
        for add in table.adds(name):
            ignored += add(state.signals, made, at, number.to_bytes(8, "big")) == BAD
    return ignored


@settings(max_examples=max(60, settings.default.max_examples))
@given(ARRIVALS)
def test_an_event_that_is_said_to_change_nothing_has_changed_no_cell(table, event, arrivals):
    state, _ = applied(table, event, [])
    for number, (name, age, user, amount) in enumerate([*arrivals, *arrivals]):
        made = event(name, T0 + age, id_=str(number), user=user, n=amount)
        for add in table.adds(name):
            before = msgspec.msgpack.encode(state.signals)
            if add(state.signals, made, T0 + age, number.to_bytes(8, "big")) != CHANGED:
                assert msgspec.msgpack.encode(state.signals) == before


def copied(state):
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=AccountState)


@settings(max_examples=max(60, settings.default.max_examples))
@given(ARRIVALS, st.randoms(use_true_random=False), st.integers(0, 25), st.integers(0, 9 * DAY_MS))
def test_order_and_storing_in_between_change_nothing(table, event, arrivals, random, cut, later):
    numbers = list(range(len(arrivals)))
    random.shuffle(numbers)
    mixed = [arrivals[number] for number in numbers]
    one, ignored = applied(table, event, arrivals)
    other, first_ignored = applied(table, event, mixed[:cut], numbers[:cut])
    other = copied(other)
    assert first_ignored + take(table, event, other, mixed[cut:], numbers[cut:]) == ignored
    assert other == one
    assert table.advance(other, T0 + later) == table.advance(one, T0 + later)
    assert copied(other) == one, "what is forgotten depends on no order either"


@settings(max_examples=max(150, settings.default.max_examples))
@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from([1, HOUR_MS, 7 * HOUR_MS, 5 * DAY_MS])), min_size=3),
    ARRIVALS,
)
def test_what_is_read_again_is_all_that_has_changed(table, event, steps, arrivals):
    """Some arrivals, then a look, and so on: many are late, or repeat what is known, and windows run out in between."""
    model = model_of(*EVERY, inputs=INPUTS)
    intake, memo = Intake(model, table, TraitRules(model)), Recall()
    # One long ago, for an earlier first event drops all that is known; and one today, so that most of the others are late.
    state, _ = applied(table, event, [("Login", -20 * DAY_MS, None, None), ("Login", 0, None, None)])
    now_ms, coming, number = T0, [*arrivals, *arrivals, *arrivals], 0
    for count, later in steps:
        for name, age, user, amount in coming[number : number + count]:
            number += 1
            made = event(name, now_ms + age, id_=str(number), user=user, n=amount)
            intake.event(state, made, now_ms + age, number.to_bytes(8, "big"), memo)
        now_ms += later
        raws, changes = table.advance(state, now_ms)
        next_ms = min((change for change in changes if change is not None), default=None)
        assert table.refresh(state, now_ms, memo) == (raws, next_ms)


@settings(max_examples=max(60, settings.default.max_examples))
@given(ARRIVALS, st.integers(0, 9 * DAY_MS))
def test_a_value_stays_until_the_time_it_says_and_measuring_agrees(table, event, arrivals, later):
    state, _ = applied(table, event, arrivals)
    now_ms = T0 + later
    untouched = copied(state)
    measured = table.measure(state, now_ms)
    assert state == untouched, "measuring changes nothing"
    raws, changes = table.advance(state, now_ms)
    assert raws == measured
    moves_unread = table.column_of("seen")  # a recency goes on where nothing that reads it can change
    for column, change in enumerate(changes):
        if column == moves_unread and change is None:
            continue
        until = now_ms + 30 * DAY_MS if change is None else change - 1
        assert until >= now_ms
        assert table.measure(untouched, until)[column] == raws[column], column
    for until in {change for change in changes if change is not None}:
        assert table.advance(copied(state), until)[0] == table.measure(untouched, until), "nothing needed was forgotten"


@given(ARRIVALS, st.integers(0, 9 * DAY_MS), st.integers(0, 2 * DAY_MS))
def test_the_last_two_days_can_still_be_measured(table, event, arrivals, later, back):
    state, _ = applied(table, event, arrivals)
    expected = table.measure(state, T0 + later - back)
    table.advance(state, T0 + later)
    assert table.measure(state, T0 + later - back) == expected


@settings(max_examples=max(60, settings.default.max_examples))
@given(ARRIVALS, st.integers(0, 9 * DAY_MS))
def test_a_count_a_sum_and_a_stale_answer_do_change_when_they_say(table, event, arrivals, later):
    state, _ = applied(table, event, [one for one in arrivals if one[3] == 12 or one[0] != "Used"])
    raws, changes = table.advance(state, T0 + later)
    for name in ("actions", "minutes", "users", "days", "latest", "age", "renewal"):
        column = table.column_of(name)
        change = changes[column]
        if change is not None:
            last_user_stays = name == "users" and raws[column]
            assert last_user_stays or table.measure(state, change)[column] != raws[column], name


@pytest.mark.parametrize("split", [0, 1, 2, 3])
def test_ticks_between_arrivals_change_no_value(table, event, split):
    arrivals = [("Used", -9 * DAY_MS, "ann", 5), ("NPS", -2 * DAY_MS, "bob", 9), ("Used", -8 * DAY_MS, "cem", 2)]
    whole, _ = applied(table, event, arrivals)
    ticked, _ = applied(table, event, arrivals[:split])
    table.advance(ticked, T0)
    take(table, event, ticked, arrivals[split:], range(split, 3))
    assert table.advance(ticked, T0 + HOUR_MS) == table.advance(whole, T0 + HOUR_MS)


def test_values_by_hand(table, event):
    arrivals = [
        ("Used", -HOUR_MS, "ann", 3),
        ("Used", -2 * HOUR_MS, "bob", 0.25),
        ("NPS", -DAY_MS, "ann", 9),
        ("NPS", -12 * HOUR_MS, "bob", 7),
        ("Login", -9 * DAY_MS, "ann", None),
    ]
    state, ignored = applied(table, event, arrivals)
    assert ignored == 0
    raws = table.measure(state, T0)

    def value(name):
        raw = raws[table.column_of(name)]
        return None if raw is None else table.value(table.column_of(name), raw)

    found = {name: value(name) for name in (s.name for s in EVERY)}
    assert found == {
        "actions": 4,
        "minutes": 3.25,
        "users": 2,
        "features": 2,
        "days": 1,  # all four on the day before midnight
        "latest": 7,
        "nps": 50,  # one promotes, one is passive
        "nps_mean": 7,  # ann's answer is a day old: stale
        "seen": 0,
        "steps": 1,
        "reach": 8,  # from the login nine days ago
        "depth": 1.625,
        "use": 0.1,
        "price": 4.995,
        "spread": 10,
        "trend": 10,  # nothing in the six days before the window, something in it
        "sum_trend": 10,
        "day_trend": pytest.approx(7 / 3, abs=1e-6),  # 1 day in 3, after 1 in 7
        "seats": 20,
        "age": 9,
        "renewal": 5,
    }
    assert len(raws) == table.columns == len(EVERY) + len(INPUTS)
    per_seat, per_user = (table.column_of_input(spec) for spec in INPUTS)
    assert {per_seat, per_user} == {len(EVERY), len(EVERY) + 1}
    assert table.value(per_seat, raws[per_seat]) == 20  # 4 actions, 20 seats, times 100
    assert table.value(per_user, raws[per_user]) == 0.5  # 10 over 2, times 0.1
    assert table.column_of_input(an_input("users")) == table.column_of("users")


def test_an_account_nobody_has_heard_of_has_no_data_but_zeros(table):
    state = AccountState(account_id="new", scored_by=b"", signals=table.empty())
    raws, changes = table.advance(state, T0)
    zeros = {s.name for s in EVERY if raws[table.column_of(s.name)] == 0}
    assert zeros == {"actions", "minutes", "users", "features", "days", "steps"}
    assert set(raws) == {0, None}
    assert set(changes) == {None}, "nothing passes for an account without a past"


def test_inputs_that_say_the_same_share_a_column_and_profiles_have_theirs():
    actions = signal("actions", Count(), ANY, DAY_MS)
    same = an_input("actions", SEATS, 100.0)
    other = an_input("actions", SEATS, 10.0)
    profile = Profile("big", (PropertyTest("seats", Op.GTE, 50.0),), policy(same, other))
    table = table_of(actions, inputs=(same, an_input("actions", scale=0.5)), profiles=(profile,))
    assert table.columns == 4
    assert len({table.column_of_input(spec) for spec in (same, other, an_input("actions", scale=0.5))}) == 3


def test_a_scale_alone_is_applied(event):
    halved = an_input("actions", scale=0.5)
    table = table_of(signal("actions", Count(), ANY, DAY_MS), inputs=(halved,))
    state, _ = applied(table, event, [("Used", 0, None, None)] * 3)
    column = table.column_of_input(halved)
    assert table.value(column, table.measure(state, T0)[column]) == 1.5


@pytest.mark.parametrize("seats", [None, 0.0, -3.0, "many", True, 1e13, float("nan"), float("inf")])
def test_without_a_number_above_zero_to_divide_by_there_is_no_data(table, event, seats):
    state, _ = applied(table, event, [("Used", 0, "ann", 1)])
    tell(state, "seats", seats, T0 + 1, b"")
    raws = table.measure(state, T0)
    assert raws[table.column_of("use")] is None
    assert raws[table.column_of_input(INPUTS[0])] is None


def test_a_quotient_beyond_a_million_millions_is_no_data(event):
    ratio = signal("r", Ratio(Reference("a", is_trait=True), Reference("b", is_trait=True)))
    table = table_of(ratio)
    state, _ = applied(table, event, [])
    for over, under, raw in [(1e12, 1.0, 10**18), (1e12, 0.5, None), (-1e12, 0.5, None), (1.0, 3.0, 333_333)]:
        state.traits = [Told(T0, b"", {"a": over, "b": under})]
        assert table.measure(state, T0) == [raw]


def test_a_ratio_may_read_a_ratio_but_not_itself(event):
    def ratio(name, over, under):
        return signal(name, Ratio(Reference(over, is_trait=False), Reference(under, is_trait=False)))

    users, actions = signal("users", Unique(None), ANY, DAY_MS), signal("actions", Count(), ANY, DAY_MS)
    table = table_of(users, actions, ratio("a", "b", "users"), ratio("b", "actions", "users"))
    state, _ = applied(table, event, [("Used", 0, user, None) for user in ("ann", "ann", "ann", "bob")])
    assert table.value(table.column_of("a"), table.measure(state, T0)[table.column_of("a")]) == 1
    with pytest.raises(ValueError, match="cannot read itself"):
        table_of(users, ratio("a", "b", "users"), ratio("b", "a", "users"))


def test_a_trend_of_what_has_no_window_is_refused():
    with pytest.raises(ValueError, match="'users' is none"):
        table_of(signal("users", Unique(None), ANY, DAY_MS), signal("t", Trend("users", 7 * DAY_MS)))


def test_events_that_only_tell_traits_are_counted_only_by_name():
    table = table_of(
        signal("all", Count(), ANY, DAY_MS),
        signal("group", Count(), Match(events=("group",)), DAY_MS),
        signal("by_prefix", Count(), Match(events=None, prefixes=("gr",)), DAY_MS),
        traits=Traits(events=("group",)),
    )
    assert len(table.adds("group")) == 1
    assert len(table.adds("groups")) == 2


def test_a_row_with_other_cells_is_refused(table):
    state = AccountState(account_id="a", scored_by=b"", signals=[])
    with pytest.raises(ValueError):
        table.advance(state, T0)
