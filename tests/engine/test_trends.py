from __future__ import annotations

import pytest

from kenko.engine.signals.active_days import ActiveDaysKind
from kenko.engine.signals.counts import CountKind
from kenko.engine.signals.sums import SumKind
from kenko.engine.signals.trends import trend
from kenko.engine.state import AccountState

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
T0 = 20_000 * DAY_MS
NOON = T0 + 12 * HOUR_MS
"""Buckets of a window of a week are 6 hours: one begins at noon."""


def measured(kind, event, amounts, *, baseline_ms=4 * WEEK_MS, now_ms=NOON, first_seen_ms=NOON - 100 * DAY_MS):
    """(trend, next change) after (hours ago, value) each."""
    cells = [kind.empty()]
    for hours, value in amounts:
        kind.add(cells, event(n=value), NOON - int(hours * HOUR_MS), b"")
    state = AccountState(account_id="a", scored_by=b"", signals=cells)
    state.first_seen_ms = first_seen_ms
    raw, change = trend(kind, 0, baseline_ms)(state, now_ms, [kind.measure(cells[0], now_ms)], [None])
    return (None if raw is None else raw / 1e6), change


def counts():
    return CountKind(0, WEEK_MS, 5 * WEEK_MS)


def daily(first, last, value=1):
    return [(24 * day + 1, value) for day in range(first, last)]


@pytest.mark.parametrize(
    ("amounts", "found"),
    [
        (daily(0, 35), 1),  # as ever
        (daily(7, 35), 0),  # fell silent
        (daily(0, 7) + daily(7, 35) * 2, 0.5),
        (daily(0, 7) * 2 + daily(7, 35), 2),
        (daily(0, 7) * 11 + daily(7, 35), 10),  # the most there is
        ([*daily(0, 7), (24 * 34, 1)], 10),  # 7 a week after a quarter of one a week: 28, held at 10
    ],
)
def test_a_trend_is_the_window_against_the_weeks_before_it(event, amounts, found):
    assert measured(counts(), event, amounts)[0] == found


@pytest.mark.parametrize(
    ("hours", "has_data"),
    [
        (24 * 14 - 6, True),  # its bucket began 14 days ago: 7 days of past, and 7 of window
        (24 * 14 - 6.001, True),
        (24 * 14 - 12.001, False),  # the bucket after it: less than a window of past
    ],
)
def test_less_than_one_window_of_past_is_no_data(event, hours, has_data):
    found, change = measured(counts(), event, [(1, 1), (hours, 1)], first_seen_ms=NOON - int(hours * HOUR_MS))
    assert (found is not None) == has_data
    assert change == NOON + 6 * HOUR_MS


def test_only_the_past_of_the_account_counts_and_is_scaled_to_the_window(event):
    # Two weeks of past with 14, one of window with 7: as ever, though the baseline is four weeks long.
    three_weeks_ago = NOON - 21 * DAY_MS + 6 * HOUR_MS  # the bucket of noon a week ago has just left the window
    assert measured(counts(), event, daily(0, 21), first_seen_ms=three_weeks_ago)[0] == 1
    # Quiet in the first of the three: 7 in two weeks of past.
    assert measured(counts(), event, daily(0, 14), first_seen_ms=three_weeks_ago)[0] == 2
    assert measured(counts(), event, daily(0, 14))[0] == 4, "without that, 7 in four weeks"
    assert measured(counts(), event, daily(0, 14), first_seen_ms=None)[0] is None


def test_nothing_in_both_is_no_data_and_something_out_of_nothing_the_most(event):
    assert measured(counts(), event, []) == (None, None)
    assert measured(counts(), event, [(24 * 60, 1)])[0] is None
    assert measured(counts(), event, [(1, 1)])[0] == 10


def test_sums_below_zero_are_as_nothing(event):
    sums = SumKind(0, WEEK_MS, 5 * WEEK_MS, "n")
    assert measured(sums, event, daily(0, 7, 2.5) + daily(7, 35, -1))[0] == 10
    assert measured(sums, event, daily(0, 7, -2.5) + daily(7, 35, 1))[0] == 0
    assert measured(sums, event, daily(0, 7, -2.5) + daily(7, 35, -1))[0] is None
    assert measured(sums, event, daily(0, 7, 0.1) + daily(7, 35, 0.1))[0] == 1


def test_active_days_have_a_trend_too(event):
    days = ActiveDaysKind(0, WEEK_MS, 5 * WEEK_MS)
    assert measured(days, event, daily(0, 35) * 3)[0] == 1
    fewer = [(hours, 1) for hours, _ in daily(0, 35) if hours > 24 * 7 or hours // 24 % 2]
    assert measured(days, event, fewer)[0] == pytest.approx(3 / 7, abs=1e-6)


def test_a_shorter_baseline_than_another_trend_reads_its_own_part(event):
    kind = CountKind(0, WEEK_MS, 9 * WEEK_MS)
    amounts = daily(0, 14) + daily(14, 63) * 3
    assert measured(kind, event, amounts, baseline_ms=WEEK_MS)[0] == 1
    assert measured(kind, event, amounts, baseline_ms=8 * WEEK_MS)[0] == pytest.approx(8 / 22, abs=0.01)


def test_an_odd_window_and_baseline_change_at_whichever_boundary_comes_first(event):
    kind = CountKind(0, WEEK_MS + HOUR_MS, 3 * WEEK_MS)
    _, change = measured(kind, event, daily(0, 21), baseline_ms=2 * WEEK_MS + 2 * HOUR_MS)
    assert change == NOON + HOUR_MS
