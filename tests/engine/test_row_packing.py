"""A row as it is stored is the account as it was, to the last bit, and refuses what is no row of it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kenko.engine.row_packing import RowPacker, pack_sums, unpack_sums
from kenko.engine.scorer import Scorer
from kenko.engine.signals.series import MOST
from kenko.engine.state import AccountState
from kenko.model import load_model
from kenko.model.signal_spec import Count, Latest, Match, Nps, Recency, Signal, Sum, TimeTo, Unique
from schemas.health import Standing, Zone

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
USED, ANSWERED = Match(events=("Used",)), Match(events=("Answered",))


def signal(name, aggregate, match=USED, window_ms=None):
    return Signal(name=name, match=match, aggregate=aggregate, window_ms=window_ms, labels=(("en", name),), unit="")


SHARING = (
    signal("short", Unique("feature"), USED, 28 * DAY_MS),
    signal("long", Unique("feature"), USED, 84 * DAY_MS),
    signal("fine", Unique("feature"), USED, 7 * DAY_MS),
    signal("users", Unique(None), USED, 28 * DAY_MS),
    signal("answered", Unique("feature"), ANSWERED, 28 * DAY_MS),
    signal("nps", Nps("score", 180 * DAY_MS, is_average=False), ANSWERED),
    signal("last", Latest("score", None), ANSWERED),
    signal("other", Latest("rating", None), ANSWERED),
)
"""Of these `short` is held by `long`, and `last` may be among the answers of `nps`."""
OTHERS = (
    signal("sum", Sum("n"), USED, 7 * DAY_MS),
    signal("count", Count(), USED, 7 * DAY_MS),
    signal("recency", Recency()),
    signal("time_to", TimeTo(("Used",))),
)


def row_of(signals, cells, **fields):
    """The account, and its row by these signals."""
    state = AccountState("acme", b"12345678", cells, **fields)
    return state, RowPacker(signals).encode(state)


TIMES = st.one_of(st.none(), st.integers(-(10**13), 10**14))


@settings(max_examples=max(150, settings.default.max_examples))
@given(
    st.fixed_dictionaries(
        {
            **dict.fromkeys(
                ["first_seen_ms", "last_seen_ms", "began_ms", "started_ms", "ended_ms", "due_ms", "backfilled_ms"],
                TIMES,
            ),
            "closes_day": st.one_of(st.none(), st.integers(-1000, 30_000)),
            "zone": st.sampled_from([None, *Zone]),
            "standing": st.sampled_from(["", *Standing]),
        }
    ),
    TIMES,
    TIMES,
)
def test_times_are_stored_against_each_other_and_come_back_as_they_were(fields, newest, earliest):
    cells = [[], [], newest, earliest]
    state, row = row_of(OTHERS, cells, **fields)
    packer = RowPacker(OTHERS)
    assert packer.decode(row) == state
    assert state.signals is cells
    assert cells == [[], [], newest, earliest]
    assert packer.encode(packer.decode(row)) == row


AMOUNTS = st.one_of(
    st.lists(st.integers(0, 255).map(lambda n: n * 1_000_000), max_size=40),
    st.lists(st.integers(-(10**9), 10**9).map(lambda n: n * 1_000_000), max_size=40),
    st.lists(st.integers(-MOST, MOST), max_size=40),
)


@settings(max_examples=max(150, settings.default.max_examples))
@given(st.integers(-(10**6), 10**6), AMOUNTS)
def test_sums_come_back_to_the_last_millionth(first, amounts):
    series = [first, *amounts] if amounts else []
    stored = msgspec.msgpack.encode(pack_sums(series))
    assert unpack_sums(msgspec.msgpack.decode(stored)) == series
    assert len(stored) <= len(msgspec.msgpack.encode(series)) + 2


@pytest.mark.parametrize(
    ("amounts", "size"),
    [
        ([19, 0, 255] * 10, 6 + 30),  # a byte each
        ([19, 0, 256] * 10, 7 + 50),  # one, one and three
        ([19.5, 0, 256] * 10, 6 + 110),  # five, one and five
    ],
)
def test_whole_amounts_are_short(amounts, size):
    series = [19_000, *[int(amount * 1_000_000) for amount in amounts]]
    assert len(msgspec.msgpack.encode(pack_sums(series))) == size


def test_users_that_two_windows_count_alike_are_stored_once():
    long = {number << 20: 19_000 + number for number in range(50)}
    short = {key: day for key, day in long.items() if day > 19_020}
    cells = [short, long, short, short, short, {}, None, None]
    _, row = row_of(SHARING, cells)
    held, *others = RowPacker(SHARING).decode(row).signals
    assert held == long, "what is over for the shorter window is there too, and counts in neither"
    assert others == cells[1:]
    assert held is not others[0], "each goes its own way from here"
    assert len(row) < len(row_of(SHARING, [{1 << 30: 19_000}, *cells[1:]])[1]) + 10


def test_the_last_answer_is_stored_once_where_the_promoters_are_kept():
    first, newest = [5, b"abcd", 9_000_000], [7, b"abcd", 10_000_000]
    answers = {1: newest, 2: first}
    for last, other in ((newest, newest), (None, None), ([8, b"abcd", 99_000_000], None)):
        cells = [{}, {}, {}, {}, {}, answers, last, other]
        _, row = row_of(SHARING, cells)
        assert RowPacker(SHARING).decode(row).signals == cells


def test_a_row_of_another_layout_or_none_is_refused(small):
    rows = RowPacker(small.model.stored)
    old = ["acme", "dd9b68da48ce415f", [[], None, None], 5, 1_704_067_200_000]
    with pytest.raises(msgspec.DecodeError):
        rows.decode(msgspec.msgpack.encode(old))
    with pytest.raises(msgspec.DecodeError):
        rows.decode(b"no row")


TWO_WINDOWS = """\
apiVersion: kenko/v1
kind: HealthModel
metadata: {name: two-windows, version: 1}
signals:
  features: {match: {event: Used}, aggregate: {unique: properties.feature}, window: 28d}
  features_known: {match: {event: Used}, aggregate: {unique: properties.feature}, window: 84d}
  days: {match: {event: Used}, aggregate: active_days, window: 28d}
  minutes: {match: {event: Used}, aggregate: {sum: properties.minutes}, window: 14d}
  nps: {match: {event: Used}, aggregate: {nps: properties.score}, stale_after: 40d}
  last: {match: {event: Used}, aggregate: {latest: properties.score}, stale_after: 20d}
  kept: {ratio: {numerator: features, denominator: features_known}}
  trend: {trend: {of: days, baseline: 28d}}
score:
  groups:
    use:
      weight: 1
      inputs:
        - {signal: kept, curve: {points: [[0, 0], [1, 100]]}}
        - {signal: trend, curve: {points: [[0, 0], [2, 100]]}}
        - {signal: minutes, curve: {points: [[0, 0], [90, 100]]}}
        - {signal: last, curve: {points: [[0, 0], [10, 100]]}}
zones:
  red: {below: 40, clear_above: 45, for: 0s}
  yellow: {below: 70, clear_above: 74, for: 0s}
"""


@pytest.fixture(scope="module")
def two_windows():
    return Scorer(load_model(TWO_WINDOWS))


VISITS = st.lists(
    st.tuples(
        st.integers(0, 40),  # hours since the visit before
        st.integers(-HOUR_MS, 90 * DAY_MS),  # its age: some come very late
        st.sampled_from(["ann", "bob", None]),
        st.integers(0, 6),
    ),
    max_size=30,
)


@settings(max_examples=max(100, settings.default.max_examples), deadline=None)
@given(VISITS, st.integers(0, 100))
def test_an_account_that_is_read_at_every_step_is_worth_what_one_in_memory_is(two_windows, event, start, visits, days):
    """Cells that one of them shares may hold more in the other, and yet nothing is measured that differs."""
    kept = two_windows.new("acme")
    read = two_windows.encode(kept)
    now_ms = start
    for number, (hours, age, user, value) in enumerate(visits):
        now_ms += hours * HOUR_MS
        visit = event("Used", now_ms - age, user=user, feature=value, minutes=value / 2, score=value * 3)
        again = two_windows.decode("acme", read)
        for state in (kept, again):
            two_windows.apply(state, visit, now_ms - age, number.to_bytes(8, "big"))
            two_windows.evaluate(state, now_ms)
        read = two_windows.encode(again)
        assert two_windows.encode(two_windows.decode("acme", read)) == read
        assert (again.last, again.due_ms, again.zone) == (kept.last, kept.due_ms, kept.zone)
        assert two_windows.encode(kept) == read
    later = now_ms + days * DAY_MS
    assert two_windows.health(two_windows.decode("acme", read), later) == two_windows.health(kept, later)
