from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.alerting.outcome import DeliveryOutcome, SendStatus
from kenko.alerting.retry import (
    MAX_RETRY_AFTER_MS,
    SCHEDULE_MS,
    RetryDecision,
    RetryVerdict,
    next_attempt,
    parse_retry_after,
)

RETRY = DeliveryOutcome(SendStatus.RETRY)
NOW_MS = 1_772_323_200_000  # Sun, 01 Mar 2026 00:00:00 GMT


def test_the_schedule_is_the_standards():
    seconds = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert [ms // 1000 for ms in SCHEDULE_MS] == seconds


def test_each_failed_try_waits_for_its_step_and_the_last_one_ends_it():
    decisions = [next_attempt(attempt, RETRY, 0.0) for attempt in range(1, 11)]
    assert [d.delay_ms for d in decisions[:9]] == list(SCHEDULE_MS[1:])
    assert decisions[9] == RetryDecision(RetryVerdict.EXHAUSTED)
    assert next_attempt(11, RETRY, 0.0).verdict is RetryVerdict.EXHAUSTED  # a crash may count a try twice


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (SendStatus.DELIVERED, RetryVerdict.DONE),
        (SendStatus.DISABLED, RetryVerdict.DISABLED),
        (SendStatus.PERMANENT, RetryVerdict.FAILED),
    ],
)
def test_other_outcomes_end_it_at_once(status, verdict):
    assert next_attempt(1, DeliveryOutcome(status), 0.5) == RetryDecision(verdict)


@pytest.mark.parametrize(
    ("attempt", "asked_ms", "delay_ms"),
    [
        (1, None, 5_000),
        (1, 1_000, 5_000),  # asked for less than the schedule waits anyway
        (1, 60_000, 60_000),
        (1, 10**15, MAX_RETRY_AFTER_MS),  # an absurd value
        (1, -5, 5_000),
        (5, 60_000, SCHEDULE_MS[5]),
    ],
)
def test_the_receiver_may_ask_for_more_time(attempt, asked_ms, delay_ms):
    outcome = DeliveryOutcome(SendStatus.RETRY, 429, asked_ms)
    assert next_attempt(attempt, outcome, 0.0) == RetryDecision(RetryVerdict.RETRY, delay_ms)


@given(attempt=st.integers(1, 9), jitter=st.floats(0, 1, exclude_max=True))
def test_jitter_only_lengthens_by_a_fifth_at_most(attempt, jitter):
    delay_ms = next_attempt(attempt, RETRY, jitter).delay_ms
    assert SCHEDULE_MS[attempt] <= delay_ms <= SCHEDULE_MS[attempt] * 1.2


@pytest.mark.parametrize(
    ("value", "wait_ms"),
    [
        (None, None),
        ("120", 120_000),
        (" 7 ", 7_000),
        ("0", 0),
        ("99999999", MAX_RETRY_AFTER_MS),
        ("9" * 5000, MAX_RETRY_AFTER_MS),
        ("Sun, 01 Mar 2026 00:00:30 GMT", 30_000),
        ("Sat, 28 Feb 2026 00:00:30 GMT", 0),  # past
        ("Sun, 01 Mar 2036 00:00:30 GMT", MAX_RETRY_AFTER_MS),
        ("Sun, 01 Mar 2026 00:00:30", 30_000),  # no zone: GMT
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),  # a digit, but not an ASCII one
        ("Sun, 01 Mar 99999999999 00:00:30 GMT", None),
    ],
)
def test_retry_after(value, wait_ms):
    assert parse_retry_after(value, NOW_MS) == wait_ms


@given(value=st.text())
def test_no_header_breaks_it(value):
    wait_ms = parse_retry_after(value, NOW_MS)
    assert wait_ms is None or 0 <= wait_ms <= MAX_RETRY_AFTER_MS
