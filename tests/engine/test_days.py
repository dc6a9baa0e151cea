"""Sets of days, against plain sets of numbers."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.days import bits_of, forget, later_than, mark

DAYS = st.lists(st.integers(-200, 200), max_size=60)
KEEPS = st.sampled_from([1, 5, 62, 63, 64, 88, 127, 371])


def days_of(numbers, keep=88):
    days = []
    for number in numbers:
        mark(days, number, keep)
    return days


def listed(days):
    bits = bits_of(days)
    return {days[0] - back for back in range(bits.bit_length()) if bits >> back & 1}


@given(DAYS, KEEPS, st.randoms(use_true_random=False))
def test_the_newest_days_are_held_in_whatever_order_they_come(numbers, keep, random):
    days = days_of(numbers, keep)
    assert days_of(random.sample(numbers, len(numbers)), keep) == days
    assert listed(days) == {number for number in numbers if number > max(numbers) - keep}


@given(DAYS, st.integers(-210, 210))
def test_days_that_are_over_can_be_passed_over_or_dropped(numbers, dead):
    days = days_of(numbers, 371)
    living = {number for number in numbers if number > dead and number > max(numbers) - 371}
    assert later_than(days, dead).bit_count() == len(living)
    forget(days, dead)
    assert listed(days) == living
    assert (days == []) is (not living)
    assert days == days_of(sorted(living), 371)


@given(DAYS)
def test_to_mark_a_day_answers_whether_it_is_news(numbers):
    days = []
    for number in numbers:
        before = days.copy()
        assert mark(days, number, 88) is (days != before)


@pytest.mark.parametrize("far", [-3_000_000, 3_000_000])
def test_a_day_far_away_makes_no_long_number(far):
    days = days_of([0, far])
    assert days == [max(0, far), 1]


@given(DAYS, KEEPS)
def test_a_row_can_hold_them(numbers, keep):
    days = days_of(numbers, keep)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(days)) == days
    assert len(msgspec.msgpack.encode(days)) <= 6 + keep // 7
