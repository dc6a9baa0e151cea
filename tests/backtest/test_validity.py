"""The figures: worked out by hand for small cases, and by a slow and simple oracle for random ones."""

from itertools import product
from math import isnan
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kenko.backtest.alert_validity import AlertRow, AlertRules, alert_figures
from kenko.backtest.grid import Grid
from kenko.backtest.labels import Label
from kenko.backtest.looking import Look
from kenko.backtest.ranking import auc, average_precision, quantile, top_lift
from kenko.backtest.red_validity import red_figures
from kenko.backtest.reliability import reliability
from kenko.backtest.score_validity import score_figures
from kenko.backtest.table import Observation, observe
from kenko.runtime.errors import ConfigurationError

DAY = 86_400_000
observed = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=60)


def _split(pairs):
    return [left for left, _ in pairs], [float(risk) for _, risk in pairs]


@given(observed)
def test_auc_is_the_share_of_pairs_in_the_right_order(pairs):
    left, risk = _split(pairs)
    lost = [r for was, r in zip(left, risk, strict=True) if was]
    kept = [r for was, r in zip(left, risk, strict=True) if not was]
    wins = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in product(lost, kept)]
    found = auc(left, risk)
    assert (isnan(found) and not wins) or found == pytest.approx(sum(wins) / len(wins))


@given(observed)
def test_average_precision_is_the_area_under_the_steps(pairs):
    left, risk = _split(pairs)
    found = average_precision(left, risk)
    if not any(left):
        assert isnan(found)
        return
    area, recall_before = 0.0, 0.0
    for threshold in sorted(set(risk), reverse=True):
        taken = [was for was, r in zip(left, risk, strict=True) if r >= threshold]
        recall = sum(taken) / sum(left)
        area += (recall - recall_before) * sum(taken) / len(taken)
        recall_before = recall
    assert found == pytest.approx(area)


@given(observed, st.randoms(use_true_random=False))
def test_lift_is_what_any_order_of_the_ties_gives_on_average(pairs, random):
    left, risk = _split(pairs)
    if not any(left):
        assert isnan(top_lift(left, risk))
        return
    # Ten copies of each observation make the riskiest tenth a whole number of them.
    many = [pair for pair in zip(left, risk, strict=True) for _ in range(10)]
    boundary = sorted((r for _, r in many), reverse=True)[len(left) - 1]
    above = [was for was, r in many if r > boundary]
    tied = [was for was, r in many if r == boundary]
    expected = sum(above) + (len(left) - len(above)) * sum(tied) / len(tied)
    assert top_lift(left, risk) == pytest.approx(expected / len(left) / (sum(left) / len(left)))
    assert top_lift(left, risk) <= 10 + 1e-9


def test_figures_worked_out_by_hand():
    left, risk = [True, False, True, False, False], [9.0, 8.0, 8.0, 3.0, 1.0]
    assert auc(left, risk) == pytest.approx((3 + 2.5) / 6)
    assert average_precision(left, risk) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert top_lift(left, risk) == pytest.approx(1 / 0.4)
    assert quantile([1, 2, 3, 4], 0.5) == 2.5
    assert isnan(quantile([], 0.5))


def test_an_account_counts_from_28_days_on_until_it_leaves_and_while_it_is_watched():
    grid = Grid()
    labels = {
        "stays": Label(0, None, 120 * DAY),
        "leaves": Label(0, 45 * DAY, 120 * DAY),
        "late": Label(40 * DAY, None, 120 * DAY),
        "short": Label(0, None, 70 * DAY),
        "on the day": Label(2 * DAY, 60 * DAY, 120 * DAY),
    }
    assert grid.times(labels.values()) == [30 * DAY, 60 * DAY, 90 * DAY]
    rows = [(account, time_ms // DAY, left) for account, time_ms, left in grid.rows(labels)]
    assert rows == [
        ("stays", 30, False),
        ("leaves", 30, True),
        ("short", 30, False),
        ("on the day", 30, True),
        ("stays", 60, False),
        ("stays", 90, False),
        ("late", 90, False),
    ]


def test_the_score_of_an_observation_is_the_last_one_there_was():
    labels = {"a": Label(0, None, 200 * DAY), "b": Label(0, None, 200 * DAY)}
    looks = [
        Look("a", 30 * DAY, 80.0, None, {"x": 1.0}),
        Look("a", 60 * DAY, None, None, {"x": None}),
        Look("b", 60 * DAY, 10.0, None, {"x": 5.0}),
        Look("a", 90 * DAY, 70.0, None, {"x": 2.0}),
    ]
    found = {(o.account_id, o.time_ms // DAY): (o.score, o.values) for o in observe(looks, labels, Grid())}
    assert found["a", 30] == (80.0, {"x": 1.0})
    assert found["a", 60] == (80.0, {"x": None})
    assert found["b", 30] == (None, {})
    assert (found["a", 90][0], found["b", 90][0]) == (70.0, 10.0)


def test_the_figures_of_a_score_count_those_without_one_apart():
    labels = {f"a{n}": Label(0, 40 * DAY if n < 3 else None, 90 * DAY) for n in range(10)}
    rows = [
        Observation(
            account, 30 * DAY, label.churn_ms is not None, {}, None if account == "a0" else 10.0 * int(account[1])
        )
        for account, label in labels.items()
    ]
    figures = score_figures(rows, labels, Random(0), bootstraps=50)
    assert (figures.observations, figures.scored, figures.positives) == (10, 9, 2)
    assert (figures.unscored, figures.unscored_positives) == (1, 1)
    assert figures.auc == 1.0
    assert figures.auc_unscored_as_median == pytest.approx((7 * 2 + 4.5) / 21)
    assert figures.auc_ci95_account_bootstrap == (1.0, 1.0)
    assert [fifth.n for fifth in figures.calibration_by_score_quintile] == [1, 2, 2, 2, 2]
    assert [fifth.churn_rate for fifth in figures.calibration_by_score_quintile] == [0, 0, 0, 0, 1]


def test_figures_that_do_not_exist_are_nan_and_not_an_error():
    labels = {"a": Label(0, None, 90 * DAY)}
    nobody = score_figures([], labels, Random(0))
    assert (nobody.scored, nobody.base_rate) == (0, 0)
    assert all(isnan(x) for x in (nobody.auc, nobody.top_decile_lift, nobody.average_precision))
    none = alert_figures([], labels, Random(0), AlertRules())
    assert (none.red_alerts, none.churned_alerted_in_window) == (0, 0)
    assert isnan(none.lead_days_median)
    assert red_figures([], labels, AlertRules()) is None


def test_alerts_worked_out_by_hand():
    labels = {
        "hit": Label(0, 100 * DAY, 400 * DAY),
        "late": Label(0, 100 * DAY, 400 * DAY),
        "missed": Label(0, 100 * DAY, 400 * DAY),
        "young": Label(0, 20 * DAY, 400 * DAY),
        "stays": Label(0, None, 400 * DAY),
    }
    rows = [
        AlertRow("hit", 30 * DAY, "red"),  # outside of the window
        AlertRow("hit", 50 * DAY, "gone-quiet"),
        AlertRow("hit", 70 * DAY, "red"),
        AlertRow("hit", 120 * DAY, "red"),  # after it left
        AlertRow("late", 97 * DAY, "red"),
        AlertRow("stays", 10 * DAY, "red"),
        AlertRow("stays", 20 * DAY, "recover"),
        AlertRow("stays", 390 * DAY, "red"),  # nobody watched it 60 days more
        AlertRow("stranger", 10 * DAY, "red"),
        AlertRow("young", -DAY, "red"),
    ]
    found = alert_figures(rows, labels, Random(0), AlertRules())
    assert found.red_alerts == 6
    assert (found.alerts_after_churn_or_end, found.alerts_before_start, found.alerts_unknown_account) == (1, 1, 1)
    assert found.churned_accounts_eligible == 3
    assert found.churned_alerted_in_window == pytest.approx(2 / 3)
    assert found.churned_alerted_with_min_lead == pytest.approx(1 / 3)
    assert found.lead_days == (50.0, 3.0)
    assert found.lead_days_median == 26.5
    assert found.false_alarms_per_nonchurned_account_year == pytest.approx(2 / (400 / 365.25))
    # Followed by churn within 60 days: those of day 50, 70 and 97; not: days 30 and 10; nobody knows: day 390.
    assert (found.alert_precision, found.alerts_censored) == (pytest.approx(3 / 5), 1)
    only_red = alert_figures(rows, labels, Random(0), AlertRules(kinds="^red$"))
    assert (only_red.red_alerts, only_red.lead_days) == (5, (30.0, 3.0))


def test_red_time_worked_out_by_hand():
    labels = {"leaves": Label(0, 128 * DAY, 400 * DAY), "stays": Label(0, None, 228 * DAY)}
    rows = [
        AlertRow("leaves", 118 * DAY, "red"),
        AlertRow("stays", 18 * DAY, "red"),
        AlertRow("stays", 38 * DAY, "recover"),
        AlertRow("stays", 40 * DAY, "recover"),
    ]
    found = red_figures(rows, labels, AlertRules())
    # 100 + 200 days count; red: 10 of the one that leaves, and of the other those after its 28th day.
    assert found.share_of_account_time_red == pytest.approx(20 / 300)
    assert found.churn_per_account_year_red == pytest.approx(1 / (20 / 365.25))
    assert found.churn_per_account_year_not_red == 0
    assert isnan(found.hazard_ratio_red_vs_not)
    assert (found.churned_red_at_churn, found.open_episode_lead_days_median) == (1.0, 10.0)
    assert found.churned_red_in_window_min_lead == 1.0


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 200), st.sampled_from(["red", "quiet", "recover"])), max_size=40
    ),
    st.lists(
        st.tuples(st.integers(0, 60), st.none() | st.integers(0, 200), st.integers(61, 200)), min_size=6, max_size=6
    ),
)
@settings(max_examples=60)
def test_alert_figures_agree_with_an_oracle_that_walks_over_every_day(alerts, lives):
    labels = {}
    for number, (start, churn, until) in enumerate(lives):
        seen = churn is not None and start < churn <= until
        labels[f"a{number}"] = Label(start * DAY, churn * DAY if seen else None, until * DAY)
    rows = [AlertRow(f"a{number}", day * DAY, kind) for number, day, kind in alerts]
    found = alert_figures(rows, labels, Random(0), AlertRules())

    eligible = hits = in_time = wrong = watched = 0
    for account, label in labels.items():
        days = [r.time_ms // DAY for r in rows if r.account_id == account and r.kind != "recover"]
        start, until = label.start_ms // DAY, label.until_ms // DAY
        churn = None if label.churn_ms is None else label.churn_ms // DAY
        if churn is None:
            watched += until - start
            wrong += sum(start <= day <= until for day in days)
        elif churn - start >= 28:
            eligible += 1
            before = [day for day in days if start <= day < churn and churn - day <= 60]
            hits += bool(before)
            in_time += bool(before) and churn - min(before) >= 7
    assert found.churned_accounts_eligible == eligible
    assert found.churned_alerted_in_window == pytest.approx(hits / max(eligible, 1))
    assert found.churned_alerted_with_min_lead == pytest.approx(in_time / max(eligible, 1))
    if watched:
        assert found.false_alarms_per_nonchurned_account_year == pytest.approx(wrong / (watched / 365.25))
    assert found.chance_churned_alerted_in_window <= 1


def test_a_probability_is_judged_over_its_own_horizon():
    labels = {f"a{n}": Label(0, 70 * DAY if n < 5 else None, 400 * DAY) for n in range(20)}
    looks = [Look(account, 30 * DAY, 50.0, 0.5 if int(account[1:]) < 5 else 0.1, {}) for account in labels]
    found = reliability(looks, labels, Grid(), 90 * DAY)
    assert (found.observations, found.within_days) == (20, 90)
    assert found.brier == pytest.approx((5 * 0.25 + 15 * 0.01) / 20)
    assert found.brier_base_rate == pytest.approx(0.25 * 0.75)
    assert [(b.predicted, b.observed, b.n) for b in found.bins] == [
        (pytest.approx(0.1), 0.0, 15),
        (pytest.approx(0.5), 1.0, 5),
    ]
    assert reliability([look._replace(probability=None) for look in looks], labels, Grid(), 90 * DAY) is None


def test_kinds_that_are_no_regular_expression_are_refused_in_words():
    with pytest.raises(ConfigurationError, match=r"kinds: '\(' is no regular expression"):
        AlertRules(kinds="(").pattern()
