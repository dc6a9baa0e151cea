"""An account's own rhythm: the mean distance between its days of use."""

from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.rhythm import note_use, usual_gap_ms
from kenko.engine.state import AccountState
from kenko.model.limits import DAY_MS, RHYTHM_DAYS

days = st.lists(st.integers(0, 400), max_size=60)


def series_of(numbers):
    series = []
    for number in numbers:
        note_use(series, number * DAY_MS + 5)
    return series


def gap_of(numbers):
    return usual_gap_ms(AccountState("a", "", [], rhythm=series_of(numbers)))


@given(days, st.randoms(use_true_random=False))
def test_the_days_are_those_of_the_last_weeks_in_any_order(numbers, random):
    shuffled = random.sample(numbers, len(numbers))
    series = series_of(shuffled)
    assert series == series_of(numbers)
    kept = {number for number in numbers if number > max(numbers) - RHYTHM_DAYS}
    assert [series[0] + at for at, used in enumerate(series[1:]) if used] == sorted(kept) if numbers else not series
    assert len(series) <= RHYTHM_DAYS + 1


def test_the_usual_gap_is_the_mean_distance_between_days_of_use():
    assert gap_of([0, 1, 2, 3, 4]) == DAY_MS
    assert gap_of([0, 7, 14, 21, 28]) == 7 * DAY_MS
    assert gap_of([0, 0, 0, 2, 3, 7, 8]) == 2 * DAY_MS


def test_too_few_days_are_no_rhythm():
    assert gap_of([]) is None
    assert gap_of([0, 1, 2, 3]) is None
    assert gap_of([5] * 50) is None


def test_an_event_of_long_ago_makes_no_long_series():
    assert series_of([0, 20_000]) == [20_000, 1]
    assert series_of([20_000, 0]) == [20_000, 1]
