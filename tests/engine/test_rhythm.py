"""An account's own rhythm: the mean distance between its days of use."""

from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.rhythm import note_use, usual_gap_ms
from kenko.engine.state import AccountState
from kenko.model.limits import DAY_MS, RHYTHM_DAYS

days = st.lists(st.integers(0, 400), max_size=60)


def rhythm_of(numbers):
    rhythm = []
    for number in numbers:
        note_use(rhythm, number * DAY_MS + 5)
    return rhythm


def gap_of(numbers):
    return usual_gap_ms(AccountState("a", b"", [], rhythm=rhythm_of(numbers)))


@given(days, st.randoms(use_true_random=False))
def test_the_gap_is_that_of_the_days_of_the_last_weeks_in_any_order(numbers, random):
    rhythm = rhythm_of(numbers)
    assert rhythm_of(random.sample(numbers, len(numbers))) == rhythm
    kept = {number for number in numbers if number > max(numbers) - RHYTHM_DAYS}
    expected = (max(kept) - min(kept)) * DAY_MS // (len(kept) - 1) if len(kept) > 4 else None
    assert gap_of(numbers) == expected


def test_the_usual_gap_is_the_mean_distance_between_days_of_use():
    assert gap_of([0, 1, 2, 3, 4]) == DAY_MS
    assert gap_of([0, 7, 14, 21, 28]) == 7 * DAY_MS
    assert gap_of([0, 0, 0, 2, 3, 7, 8]) == 2 * DAY_MS


def test_too_few_days_are_no_rhythm():
    assert gap_of([]) is None
    assert gap_of([0, 1, 2, 3]) is None
    assert gap_of([5] * 50) is None


def test_an_event_of_long_ago_changes_no_rhythm():
    assert rhythm_of([0, 20_000]) == rhythm_of([20_000])
    assert rhythm_of([20_000, 0]) == rhythm_of([20_000])
