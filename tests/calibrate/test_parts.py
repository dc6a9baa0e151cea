"""The parts of a calibration, each against what defines it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.backtest.calibration.figures import auc, brier, top_decile_lift
from kenko.backtest.calibration.fit import Given, build_basis, fit
from kenko.backtest.calibration.handing_on import multipliers
from kenko.backtest.calibration.learning import shares_of
from kenko.backtest.calibration.probability import probability_line, read_off
from kenko.backtest.calibration.ramps import corners, ramps
from kenko.backtest.calibration.scale import anchored
from kenko.engine.curves import curve_health
from kenko.engine.weights import Weights
from kenko.model.score_spec import Group, Input, Missing, Points

RISING = Points(points=((0.0, 0.0), (10.0, 100.0)))


def an_input(name, weight):
    return Input(signal=name, weight=weight, curve=RISING, missing=Missing.REDISTRIBUTE)


@given(st.lists(st.booleans(), min_size=4, max_size=4), st.lists(st.integers(1, 9), min_size=4, max_size=4))
def test_weights_are_handed_on_as_the_engine_does(present, weights):
    names = ["one", "one", "other", "other"]
    groups = [
        Group("one", sum(weights[:2]), tuple(an_input(f"s{i}", weights[i]) for i in (0, 1))),
        Group("other", sum(weights[2:]), tuple(an_input(f"s{i}", weights[i]) for i in (2, 3))),
    ]
    shares = Weights(groups).shares(sum(1 << at for at in range(4) if not present[at]))
    full = np.array(weights) / sum(weights)
    (found,) = multipliers(np.array([present]), names, full)
    expected = [0.0] * 4 if shares is None else [part / shares.whole for part in shares.parts]
    assert found * full == pytest.approx(expected)


FLAGS = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40).filter(
    lambda rows: len({left for left, _ in rows}) == 2
)


@given(FLAGS)
def test_auc_is_the_share_of_pairs_in_the_right_order(rows):
    left, risk = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], dtype=float)
    pairs = [(a > b) + (a == b) / 2 for a in risk[left] for b in risk[~left]]
    assert auc(left, risk) == pytest.approx(sum(pairs) / len(pairs))


def test_a_tie_at_the_edge_of_the_riskiest_tenth_counts_in_part():
    left = np.array([True] * 4 + [False] * 16)
    risk = np.array([9.0, 5.0, 5.0] + [1.0] * 15 + [5.0, 5.0])
    assert top_decile_lift(left, risk) == pytest.approx((1 + 2 / 4) / 2 / 0.2)


def test_brier_is_the_mean_square_of_the_error():
    assert brier(np.array([True, False]), np.array([0.8, 0.4])) == pytest.approx((0.04 + 0.16) / 2)


@given(st.lists(st.floats(-1e6, 1e6), max_size=60))
def test_corners_are_few_and_rise(values):
    found = corners(np.array(values, dtype=float))
    assert len(found) <= 7
    assert found == sorted(set(found))


def test_ramps_add_up_to_a_line_through_their_corners():
    found = ramps(np.array([-1.0, 0.0, 1.5, 4.0, 9.0]), [0.0, 1.0, 4.0])
    assert found.sum(axis=1) == pytest.approx([0, 0, 1 + 0.5 / 3, 2, 2])


@given(st.floats(1, 99), st.floats(1, 99))
def test_the_red_boundary_lands_where_it_was_and_healths_stay_within_0_and_100(boundary, wanted):
    scale = anchored(boundary, wanted)
    assert scale.of(boundary) == pytest.approx(wanted)
    assert scale.of(0) >= -1e-9
    assert scale.of(100) <= 100 + 1e-9
    assert scale.factor > 0


@given(st.integers(0, 1000))
def test_a_probability_never_rises_with_the_score_whatever_happened(seed):
    random = np.random.default_rng(seed)
    score, left = random.uniform(0, 100, 80), random.random(80) < random.random()
    line = probability_line(score, left)
    assert (line[0][0], line[-1][0]) == (0.0, 100.0)
    assert len(line) <= 12
    chances = [chance for _, chance in line]
    assert chances == sorted(chances, reverse=True)
    assert all(0 <= chance <= 1 for chance in chances)


def test_where_leavers_score_higher_everybody_gets_the_rate():
    score = np.array([10.0] * 50 + [90.0] * 50)
    left = np.array([False] * 50 + [True] * 25 + [False] * 25)
    assert read_off(probability_line(score, left), score) == pytest.approx(np.full(100, 0.25))


def fitted(directions, values, left):
    inputs = [Given(curve_health(RISING), 1 / len(directions), Missing.REDISTRIBUTE) for _ in directions]
    basis = build_basis(values, inputs, directions)
    heights = basis.multiplied(np.ones(values.shape))
    return basis, fit(heights, basis.columns, left, weight=1.0, ridge=1.0)


def test_a_curve_that_must_rise_rises_even_against_history_and_a_free_one_turns():
    random = np.random.default_rng(0)
    values = random.uniform(0, 10, (800, 1))
    left = random.random(800) < 1 / (1 + np.exp(3 - 0.6 * values[:, 0]))
    basis, held = fitted([1], values, left)
    assert (np.diff(held.healths(basis, 0)) >= 0).all()
    basis, free = fitted([0], values, left)
    assert free.healths(basis, 0)[0] > free.healths(basis, 0)[-1] + 1


def test_an_input_without_data_keeps_its_proportion_to_its_group_and_a_group_without_data_its_share():
    random = np.random.default_rng(1)
    values = random.uniform(0, 10, (500, 4))
    values[:, [1, 3]] = np.nan
    left = random.random(500) < 1 / (1 + np.exp(values[:, 0] - 5))
    basis, found = fitted([1, 1, 1, 1], values, left)
    before = np.array([0.2, 0.4, 0.1, 0.3])
    shares = shares_of(found, basis, before, ["use", "use", "trouble", "mood"])
    assert shares.sum() == pytest.approx(1)
    assert shares[1] == pytest.approx(2 * shares[0])
    assert shares[3] == pytest.approx(0.3)
    assert shares[0] > 3 * shares[2]
