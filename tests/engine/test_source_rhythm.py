"""How long a source may be silent: never shorter than its own gaps explain, nights and weekends among them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.source_hearing import OTHERS, SourceHearing
from kenko.engine.source_rhythm import USUAL, Heard, SourceRhythm
from kenko.model.limits import DAY_MS, HOUR_MS, MINUTE_MS

MONDAY = 1_700_438_400_000  # 2023-11-20 00:00 UTC
times = st.lists(st.integers(0, 40 * DAY_MS), min_size=1, max_size=40)


def heard_at(times_ms, rhythm=USUAL):
    heard = None
    for time_ms in times_ms:
        heard = rhythm.hear(heard, time_ms)
    return heard


def every(gap_ms, *, days, start=MONDAY):
    return heard_at(range(start, start + days * DAY_MS + 1, gap_ms))


def office_hours(days):
    """Half past each hour from 8:30 to 17:30, Monday to Friday."""
    return [
        MONDAY + day * DAY_MS + hour * HOUR_MS + 30 * MINUTE_MS
        for day in range(days)
        for hour in range(8, 18)
        if day % 7 < 5
    ]


@given(times, st.randoms(use_true_random=False))
def test_the_order_of_events_and_repeats_change_nothing(its, random):
    mixed = its + its[:3]
    random.shuffle(mixed)
    heard = heard_at(its)
    assert heard_at(mixed) == heard
    newest = max(its) // HOUR_MS
    kept = {newest - t // HOUR_MS for t in its if newest - t // HOUR_MS < USUAL.kept}
    assert heard == (max(its), sum(1 << behind for behind in kept))


@given(times, st.integers(1, 4))
def test_heard_in_parts_is_heard_together(its, parts):
    split = [heard_at(its[part::parts]) for part in range(parts) if its[part::parts]]
    assert USUAL.together(split) == heard_at(its)
    assert USUAL.together([]) is None


@given(st.lists(st.integers(1, 100 * HOUR_MS), min_size=1, max_size=60), st.data())
def test_a_gap_as_long_as_one_before_is_never_a_silence(gaps, data):
    at, its = MONDAY, [MONDAY]
    for gap in gaps:
        at += gap
        its.append(at)
    heard = heard_at(its)
    recent = [gap for gap, end in zip(gaps, its[1:], strict=True) if end - gap > at - (USUAL.kept - 1) * HOUR_MS]
    gap = data.draw(st.sampled_from(recent)) if recent else 0
    assert not USUAL.is_silent(heard, at + gap)


@given(times)
def test_it_grows_silent_once_and_late_enough(its):
    heard = heard_at(its)
    patience_ms = USUAL.patience_ms(heard)
    if patience_ms is None:
        assert not any(USUAL.is_silent(heard, heard.last_ms + days * DAY_MS) for days in range(60))
        return
    assert patience_ms >= 2 * HOUR_MS
    assert patience_ms > USUAL.longest_gap(heard) * HOUR_MS
    assert not USUAL.is_silent(heard, heard.last_ms + patience_ms)
    assert USUAL.is_silent(heard, heard.last_ms + patience_ms + 1)


@pytest.mark.parametrize(
    ("heard", "patience_h"),
    [
        (every(MINUTE_MS, days=1), None),  # known for too short a time
        (every(MINUTE_MS, days=3), 72),  # no weekend seen yet
        (every(MINUTE_MS, days=9), 2),
        (every(6 * HOUR_MS, days=20), 12),
        (every(DAY_MS, days=20), 48),  # a nightly import
        (every(7 * DAY_MS, days=35), 2 * 7 * 24),
        (every(20 * DAY_MS, days=60), None),  # two weeks hold one event: no gap is known
        (heard_at(office_hours(5)), 72),  # the first Friday evening
        (heard_at(office_hours(12)), 2 * 63),  # a weekend is the longest gap from now on
        (heard_at([MONDAY]), None),
    ],
)
def test_the_patience_follows_the_longest_gap(heard, patience_h):
    assert USUAL.patience_ms(heard) == (None if patience_h is None else patience_h * HOUR_MS)


def test_a_product_used_in_office_hours_never_counts_as_silent_while_it_is_used():
    heard = None
    its = office_hours(60)
    for time_ms, following in pairwise(its):
        heard = USUAL.hear(heard, time_ms)
        assert not USUAL.is_silent(heard, following)


def test_a_silence_does_not_wear_the_rhythm_down_and_ends_after_four_weeks():
    heard = every(HOUR_MS, days=14)
    assert USUAL.is_silent(heard, heard.last_ms + 20 * DAY_MS)
    assert not USUAL.is_silent(heard, heard.last_ms + 28 * DAY_MS + 1)
    assert USUAL.is_retired(heard, heard.last_ms + 28 * DAY_MS + 1)


@pytest.mark.parametrize("wrong", [{"factor": 1}, {"kept": 1000}])
def test_a_rhythm_that_would_cry_wolf_or_never_is_refused(wrong):
    with pytest.raises(ValueError, match="factor"):
        SourceRhythm(**wrong)


def test_a_partition_tells_some_sources_apart_and_counts_the_rest_together():
    hearing = SourceHearing(USUAL, {"crm": Heard(MONDAY, 1)}, limit=3)
    for number, source in enumerate(["api", "crm", "web", "fourth", "fifth", "api"]):
        hearing.hear(source, MONDAY + number * HOUR_MS)
    known = hearing.known()
    assert set(known) == {"api", "crm", "web", OTHERS}
    assert known[OTHERS] == heard_at([MONDAY + 3 * HOUR_MS, MONDAY + 4 * HOUR_MS])
    assert known["api"] == heard_at([MONDAY, MONDAY + 5 * HOUR_MS])


def test_a_source_given_up_makes_room():
    hearing = SourceHearing(USUAL, {}, limit=2)
    hearing.hear("old", MONDAY)
    hearing.hear("api", MONDAY + 28 * DAY_MS)
    hearing.hear("new", MONDAY + 28 * DAY_MS + HOUR_MS)
    assert set(hearing.known()) == {"api", "new"}


@given(st.lists(st.tuples(st.text(min_size=1, max_size=3), st.integers(0, 10**12)), max_size=200))
def test_names_of_clients_never_grow_beyond_the_limit(events):
    hearing = SourceHearing(USUAL, {}, limit=5)
    for source, time_ms in events:
        hearing.hear(source, time_ms)
    assert len(hearing.known()) <= 6
