from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.signals.series import MOST, forget, held, make_room, total

KEEP = 12
AMOUNTS = st.lists(st.tuples(st.integers(-40, 40), st.integers(-2, 2)), max_size=14)


def filled(amounts):
    series = []
    for bucket, amount in amounts:
        if place := make_room(series, bucket, KEEP):
            series[place] += amount
            if not series[place]:
                forget(series, series[0] - 1)  # as a sum does
    return series


def plain(amounts):
    """What a dict would hold."""
    if not amounts:
        return []
    newest = max(bucket for bucket, _ in amounts)
    sums = {newest: 0}
    for bucket, amount in amounts:
        if bucket > newest - KEEP:
            sums[bucket] = sums.get(bucket, 0) + amount
    first = min(bucket for bucket in sums if sums[bucket] or bucket == newest)
    return [first, *(sums.get(bucket, 0) for bucket in range(first, newest + 1))]


@given(AMOUNTS, st.randoms(use_true_random=False))
def test_a_series_is_the_same_in_any_order(amounts, random):
    mixed = list(amounts)
    random.shuffle(mixed)
    assert filled(amounts) == filled(mixed) == plain(amounts)


def test_every_order_of_a_few_amounts_that_cancel_out_and_fall_out():
    amounts = [(0, 1), (5, 1), (5, -1), (6, 2), (12, 0), (13, 1)]
    assert {tuple(filled(order)) for order in itertools.permutations(amounts)} == {tuple(plain(amounts))}


@given(AMOUNTS, st.integers(-60, 60), st.integers(-60, 60))
def test_forgetting_changes_no_later_total(amounts, dead, later):
    series = filled(amounts)
    after = max(dead, later)
    before = total(series, after)
    forget(series, dead)
    assert total(series, after) == before
    assert not series or series[0] > dead
    assert len(series) != 1


@given(AMOUNTS, st.integers(-60, 60))
def test_a_total_is_the_sum_of_what_came_after(amounts, after):
    newest = max((bucket for bucket, _ in amounts), default=0)
    expected = sum(amount for bucket, amount in amounts if bucket > after and bucket > newest - KEEP)
    assert total(filled(amounts), after) == expected


def test_events_ages_apart_make_no_long_list():
    for order in ([0, 20_000_000], [20_000_000, 0], [20_000_000, 19_999_995, 0]):
        series = filled([(bucket, 1) for bucket in order])
        assert len(series) <= KEEP + 1
        assert series[-1] == 1


@given(AMOUNTS)
def test_a_series_holds_no_more_than_it_was_told_to_keep(amounts):
    assert len(filled(amounts)) <= KEEP + 1


@pytest.mark.parametrize(("amount", "kept"), [(0, 0), (-5, -5), (MOST + 1, MOST), (-MOST * 9, -MOST)])
def test_an_amount_stands_still_where_a_row_holds_no_more(amount, kept):
    assert held(amount) == kept
