from __future__ import annotations

import pytest

from kenko.engine.signals.account_time import days_to_renewal, tenure, time_to
from kenko.engine.state import AccountState
from kenko.engine.traits import tell

DAY_MS = 86_400_000
MIDNIGHT = 20_000 * DAY_MS
BEGAN = MIDNIGHT + 5 * 3_600_000


def account(*, began=None, first_seen=None, renewal=None):
    state = AccountState(account_id="a", scored_by=b"", signals=[])
    state.began_ms, state.first_seen_ms = began, first_seen
    if renewal is not None:
        tell(state, "renewal_date", renewal, 0, b"")
    return state


@pytest.mark.parametrize(
    ("later_ms", "days", "changes"),
    [
        (-1, 0, 1),  # a contract that begins tomorrow
        (0, 0, 1),
        (DAY_MS - 1, 0, 1),
        (DAY_MS, 1, 2),
        (400 * DAY_MS + 7, 400, 401),
    ],
)
def test_tenure_grows_at_the_time_of_day_of_the_beginning(later_ms, days, changes):
    assert tenure(account(began=BEGAN, first_seen=MIDNIGHT), BEGAN + later_ms) == (days, BEGAN + changes * DAY_MS)


def test_without_a_contract_the_first_event_is_the_beginning():
    assert tenure(account(first_seen=BEGAN), BEGAN + 3 * DAY_MS) == (3, BEGAN + 4 * DAY_MS)
    assert tenure(account(), BEGAN) == (None, None)


@pytest.mark.parametrize(
    ("reached", "reading"),
    [
        (None, (9, BEGAN + 10 * DAY_MS)),  # grows until it is reached
        (BEGAN + 4 * DAY_MS + 1, (4, None)),
        (BEGAN + 4 * DAY_MS - 1, (3, None)),
        (BEGAN, (0, None)),
        (BEGAN - 9 * DAY_MS, (0, None)),  # before the contract: at once
    ],
)
def test_time_to_counts_whole_days_from_the_beginning(reached, reading):
    assert time_to(account(began=BEGAN, first_seen=0), reached, BEGAN + 9 * DAY_MS + 5) == reading


def test_time_to_without_a_beginning_is_no_data():
    assert time_to(account(), None, BEGAN) == (None, None)


@pytest.mark.parametrize(
    ("now_ms", "days"),
    [
        (MIDNIGHT - DAY_MS - 1, 2),
        (MIDNIGHT - DAY_MS, 1),
        (MIDNIGHT - 1, 1),  # the evening before
        (MIDNIGHT, 0),
        (MIDNIGHT + DAY_MS - 1, 0),  # all through the day itself
        (MIDNIGHT + DAY_MS, -1),
    ],
)
def test_days_to_renewal_is_the_difference_of_two_dates(now_ms, days):
    for within_the_day in (0, DAY_MS - 1):
        found = days_to_renewal(account(renewal=MIDNIGHT + within_the_day), now_ms)
        assert found == (days, (now_ms // DAY_MS + 1) * DAY_MS)


@pytest.mark.parametrize("renewal", [None, "2026-06-30", 1.5, True])
def test_without_a_date_there_are_no_days_to_renewal(renewal):
    assert days_to_renewal(account(renewal=renewal), MIDNIGHT) == (None, None)
