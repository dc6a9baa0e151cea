from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.weights import Shares, Weights, split_points
from kenko.model.score_spec import Group, Input, Missing, Points

CURVE = Points(points=((0, 0), (1, 100)))


def groups(*spec):
    return [
        Group(name=f"g{at}", weight=weight, inputs=tuple(Input("s", w, CURVE, Missing.REDISTRIBUTE) for w in inputs))
        for at, (weight, inputs) in enumerate(spec)
    ]


@pytest.mark.parametrize(
    ("absent", "shares"),
    [
        (0b000, ["1/2", "1/4", "1/4"]),
        (0b001, [0, "3/4", "1/4"]),  # the first group's weight stays in the group
        (0b011, [0, 0, 1]),  # a group without data hands its weight on
        (0b100, ["2/3", "1/3", 0]),
    ],
)
def test_the_weight_of_an_absent_input_goes_to_its_group_first(absent, shares):
    parts, whole = Weights(groups((3, [2, 1]), (1, [5]))).shares(absent)
    assert [Fraction(part, whole) for part in parts] == [Fraction(share) for share in shares]


def test_where_all_are_absent_there_are_no_shares():
    assert Weights(groups((3, [2, 1]))).shares(0b11) is None


def test_weights_are_exact():
    parts, whole = Weights(groups((0.1, [0.1, 0.2]), (0.2, [1]))).shares(0)
    assert [Fraction(part, whole) for part in parts] == [Fraction(1, 9), Fraction(2, 9), Fraction(2, 3)]


@pytest.mark.parametrize(
    ("parts", "healths", "score", "points"),
    [
        ((1, 1, 1), (100_00, 100_00, 100_00), 100_00, [33_34, 33_33, 33_33]),  # the first gets the hundredth
        ((1, 1, 1), (0, 0, 0), 0, [0, 0, 0]),
        ((1, 1), (1, 0), 1, [1, 0]),  # 0.5 rounds up
        ((1, 2), (1, 0), 0, [0, 0]),
        ((1, 2), (50, 50), 50, [17, 33]),  # 16.67 and 33.33
    ],
)
def test_points_are_split_by_largest_remainder(parts, healths, score, points):
    assert split_points(Shares(parts, sum(parts)), healths) == (score, points)


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10_000)), min_size=1, max_size=12))
def test_points_add_up_and_are_within_a_hundredth(inputs):
    shares = Shares(tuple(part for part, _ in inputs), sum(part for part, _ in inputs))
    score, points = split_points(shares, [health for _, health in inputs])
    assert sum(points) == score
    assert 0 <= score <= 10_000
    for (part, health), got in zip(inputs, points, strict=True):
        assert abs(Fraction(part * health, shares.whole) - got) < 1
