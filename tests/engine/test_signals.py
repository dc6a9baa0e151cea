from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kenko.engine.adding import BAD, SAME
from kenko.engine.comparing import value_test
from kenko.engine.identity import keyed_hash
from kenko.engine.signals.active_days import ActiveDaysKind
from kenko.engine.signals.counts import CountKind
from kenko.engine.signals.latest import LatestKind
from kenko.engine.signals.milestones import MilestonesKind
from kenko.engine.signals.sums import SumKind
from kenko.engine.signals.table import SignalTable
from kenko.engine.signals.uniques import UniqueUsersKind, UniqueValuesKind
from kenko.engine.signals.values import distinct_text, millionths
from kenko.model.signal_spec import Op, PropertyTest

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
NOON = 20_000 * DAY_MS + 12 * HOUR_MS


@pytest.mark.parametrize(
    ("age_ms", "counts"),
    [
        (0, True),
        (-10 * 60_000, True),  # a little ahead of the tick: counts as now
        (WEEK_MS - 6 * HOUR_MS, True),  # its bucket began one bucket inside the window
        (WEEK_MS - 6 * HOUR_MS + 1, False),  # its bucket began exactly one window ago: half-open, so it is out
        (WEEK_MS, False),
        (WEEK_MS + 1, False),
    ],
)
def test_a_window_is_half_open_in_buckets(event, age_ms, counts):
    kind = CountKind(0, WEEK_MS, WEEK_MS)
    cells = [kind.empty()]
    kind.add(cells, event(), NOON - age_ms, b"")  # noon: a bucket of 6 hours begins
    assert kind.measure(cells[0], NOON) == counts
    assert kind.advance(cells[0], NOON)[0] == counts


def test_an_event_leaves_exactly_when_its_bucket_began_one_window_ago(event):
    kind = CountKind(0, WEEK_MS, WEEK_MS)
    cells = [kind.empty()]
    at = NOON + 2 * HOUR_MS
    kind.add(cells, event(at=at), at, b"")
    assert kind.advance(cells[0], at) == (1, NOON + WEEK_MS)
    assert kind.advance(cells[0], NOON + WEEK_MS - 1) == (1, NOON + WEEK_MS)
    assert kind.advance(cells[0], NOON + WEEK_MS) == (0, None)
    kind.forget(cells[0], NOON + WEEK_MS)
    assert cells != [[]], "a reading of the last two days still needs it"
    kind.forget(cells[0], NOON + WEEK_MS + 2 * DAY_MS)
    assert cells == [[]], "what no longer counts is forgotten"


def test_a_user_counts_from_where_it_was_seen_last_whatever_the_order(event):
    for order in ([0, 3, 1], [3, 1, 0], [1, 0, 3]):
        kind = UniqueUsersKind(0, WEEK_MS, keyed_hash(b"k"))
        cells = [kind.empty()]
        for day in order:
            kind.add(cells, event(user="ann"), NOON + day * DAY_MS, b"")
        kind.add(cells, event(user=None), NOON, b"")
        assert kind.advance(cells[0], NOON + 3 * DAY_MS) == (1, NOON + 3 * DAY_MS + WEEK_MS)
        assert kind.measure(cells[0], NOON + 3 * DAY_MS + WEEK_MS) == 0


def test_no_user_id_is_kept(event):
    kind = UniqueUsersKind(0, WEEK_MS, keyed_hash(b"k"))
    cells = [kind.empty()]
    kind.add(cells, event(user="ann@example.com"), NOON, b"")
    assert "ann" not in repr(cells)
    assert keyed_hash(b"other")("ann@example.com") not in cells[0], "without the key it cannot be tried"


def test_days_are_days_in_utc(event):
    kind = ActiveDaysKind(0, 2 * DAY_MS, 2 * DAY_MS)
    cells = [kind.empty()]
    midnight = 20_001 * DAY_MS
    for at in (midnight - 1, midnight, midnight + 1):
        kind.add(cells, event(), at, b"")
    assert kind.measure(cells[0], midnight) == 2


def test_the_latest_wins_by_time_then_by_id_and_grows_stale(event):
    kind = LatestKind(0, "score", 30 * DAY_MS)
    arrivals = [(NOON, b"b", 7), (NOON, b"a", 9), (NOON - 1, b"z", 1)]
    for order in (arrivals, arrivals[::-1], arrivals[1:] + arrivals[:1]):
        cells = [kind.empty()]
        for at, digest, score in order:
            kind.add(cells, event(score=score), at, digest)
        assert kind.value(kind.measure(cells[0], NOON)) == 7
    assert kind.advance(cells[0], NOON + 30 * DAY_MS - 1) == (7_000_000, NOON + 30 * DAY_MS)
    assert kind.advance(cells[0], NOON + 30 * DAY_MS) == (None, None)
    assert LatestKind(0, "score", None).advance(cells[0], NOON + 300 * DAY_MS) == (7_000_000, None)


def test_milestones_count_once_each(event):
    kind = MilestonesKind(0, ("Signed Up", "Data Connected", "Shared"))
    cells = [kind.empty()]
    for name, at in [("Shared", NOON), ("Shared", NOON - 5), ("Signed Up", NOON)]:
        kind.add(cells, event(name), at, b"")
    assert cells == [[NOON, None, NOON - 5]]
    assert kind.value(kind.measure(cells[0], NOON)) == pytest.approx(2 / 3)


NO_NUMBERS = [math.nan, math.inf, -math.inf, "12", "", True, False, [1], {"a": 1}, 1e13, -1e13, 10**400, 10**13]


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_a_bad_number_is_ignored_and_counted(event, value):
    for kind in (SumKind(0, WEEK_MS, WEEK_MS, "x"), LatestKind(0, "x", None)):
        cells = [kind.empty()]
        assert kind.add(cells, event().model_copy(update={"properties": {"x": value}}), NOON, b"d") == BAD
        assert cells == [kind.empty()]


@pytest.mark.parametrize("value", [[1], {"a": 1}, math.nan, math.inf, 1e13, 10**400])
def test_a_bad_value_is_no_distinct_value(event, value):
    kind = UniqueValuesKind(0, WEEK_MS, keyed_hash(b"k"), "x")
    cells = [kind.empty()]
    assert kind.add(cells, event().model_copy(update={"properties": {"x": value}}), NOON, b"d") == BAD
    assert cells == [{}]


def test_an_absent_value_is_no_mistake(event):
    kinds = (
        SumKind(0, WEEK_MS, WEEK_MS, "x"),
        LatestKind(0, "x", None),
        UniqueValuesKind(0, WEEK_MS, keyed_hash(b"k"), "x"),
    )
    for kind in kinds:
        for odd in (event(), event(x=None)):
            assert kind.add([kind.empty()], odd, NOON, b"d") == SAME


@pytest.mark.parametrize(
    ("value", "amount"),
    [(1, 1_000_000), (0.1, 100_000), (-2.5, -2_500_000), (1e-7, 0), (5e-7, 1), (10**12, 10**18), (0, 0), (-0.0, 0)],
)
def test_numbers_become_millionths(value, amount):
    assert millionths(value) == amount


def test_a_sum_stands_still_before_it_breaks_the_row(event):
    kind = SumKind(0, WEEK_MS, WEEK_MS, "x")
    cells = [kind.empty()]
    for _ in range(20):
        kind.add(cells, event(x=10**12), NOON, b"")
    assert kind.measure(cells[0], NOON) == 1 << 62


def test_distinct_values_are_told_apart_as_json_does():
    values = [1, "1", True, 0, False, "", "b1", "n1", 1.5, -1]
    assert len({distinct_text(value) for value in values}) == len(values)
    assert distinct_text(1) == distinct_text(1.0)
    assert distinct_text("\ud800") is not None, "a lone surrogate is no reason to crash"
    keyed_hash(b"k")(distinct_text("\ud800"))


@pytest.mark.parametrize(
    ("op", "operand", "passes", "fails"),
    [
        (Op.EQ, "pro", ["pro"], ["Pro", None, 1, ["pro"]]),
        (Op.EQ, 1, [1, 1.0], ["1", True, None]),
        (Op.EQ, True, [True], [1, "true", None]),
        (Op.IN, ("pro", 2), ["pro", 2, 2.0], ["2", True, {}]),
        (Op.GTE, 100.0, [100, 100.5, 10**400], [99, "100", True, None, math.nan]),
        (Op.GT, 100.0, [100.5], [100]),
        (Op.LTE, 100.0, [100, -5], [101, math.nan]),
        (Op.LT, 100.0, [99], [100, None]),
        (Op.EXISTS, True, [0, "", False], [None]),
        (Op.EXISTS, False, [None], [0, "", False]),
    ],
)
def test_property_tests(op, operand, passes, fails):
    holds = value_test(PropertyTest(property="p", op=op, operand=operand))
    assert [value for value in passes if not holds(value)] == []
    assert [value for value in fails if holds(value)] == []


def test_an_event_touches_only_the_signals_that_match(every_kind):
    table = SignalTable(every_kind.model, hashed=keyed_hash(b"key"))
    by_name = {name: len(table.adds(name)) for name in ("Login", "Used", "NPS", "Ticket", "Signed", "anything")}
    assert by_name == {"Login": 6, "Used": 7, "NPS": 5, "Ticket": 3, "Signed": 3, "anything": 3}


EDGES = [-day * DAY_MS - part for day in range(11) for part in (0, 1, HOUR_MS, 6 * HOUR_MS)]
"""Ages at which buckets begin or end: drawn from anywhere, an event seldom lies at the edge of a window."""
ARRIVALS = st.lists(
    st.tuples(
        st.sampled_from(["Used", "Login", "NPS", "Ticket", "Other"]),
        st.sampled_from(EDGES) | st.integers(-10 * DAY_MS, HOUR_MS),
        st.sampled_from([None, "ann", "bob", "cem"]),
        st.integers(0, 20),
    ),
    max_size=40,
)


@settings(max_examples=max(60, settings.default.max_examples))
@given(ARRIVALS, st.sampled_from([-edge for edge in EDGES]) | st.integers(0, 9 * DAY_MS))
def test_every_kind_measures_what_a_plain_reading_of_the_events_gives(every_kind, event, start, arrivals, later):
    state = every_kind.new("acme")
    now_ms = start + later
    seen = []
    for at, (name, age, user, number) in enumerate(arrivals):
        digest = at.to_bytes(4, "big") * 2  # its first half is what orders events of one millisecond
        made = event(
            name, start + age, id_=str(at), user=user, feature=number % 4, rows=number, minutes=number, score=number
        )
        seen.append((name, start + age, user, number, digest))
        every_kind.apply(state, made, start + age, digest)

    def inside(time_ms, window_ms, bucket_ms):
        return time_ms - time_ms % bucket_ms + window_ms > now_ms

    def times(*names):
        return [time_ms for name, time_ms, *_ in seen if not names or name in names]

    def days_since(times):
        return None if not times else max(0, now_ms - max(times))

    answers = sorted((t, digest, n) for name, t, _, n, digest in seen if name == "NPS")
    expected = {
        "users": len({u for n, t, u, *_ in seen if u and n != "Ticket" and inside(t, 2 * DAY_MS, HOUR_MS)}),
        "features": len({x % 4 for n, t, _, x, _ in seen if n == "Used" and inside(t, WEEK_MS, 6 * HOUR_MS)}),
        "exports": sum(n == "Used" and x >= 10 and inside(t, WEEK_MS, 6 * HOUR_MS) for n, t, _, x, _ in seen),
        "minutes": sum(
            x * 10**6 for n, t, _, x, _ in seen if n in ("Used", "Login") and inside(t, 3 * DAY_MS, 2 * HOUR_MS)
        ),
        "days": len({t // DAY_MS for t in times() if inside(t, WEEK_MS, DAY_MS)}),
        "nps": answers[-1][2] * 10**6 if answers and now_ms < answers[-1][0] + 5 * DAY_MS else None,
        "last_seen": None if not seen else days_since(times()) // HOUR_MS,
        "last_login": None if not times("Login") else days_since(times("Login")) // (3 * DAY_MS // 28),
        "onboarding": len({n for n, *_ in seen if n in ("Login", "Used", "NPS")}),
        "unread": sum(n == "Ticket" and inside(t, DAY_MS, 30 * 60_000) for n, t, *_ in seen),
    }
    names = [signal.name for signal in every_kind.model.signals]
    raws = every_kind._table.measure(state, now_ms)
    assert dict(zip(names, raws, strict=True)) == expected
    assert every_kind._table.advance(state, now_ms)[0] == raws
