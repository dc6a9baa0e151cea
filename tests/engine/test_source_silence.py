"""Which sources are silent, decided over all partitions: no flapping, no verdict while a partition is behind."""

from hypothesis import given
from hypothesis import strategies as st

from kenko.engine.freshness import ALL_SOURCES
from kenko.engine.source_hearing import OTHERS
from kenko.engine.source_rhythm import USUAL, Heard, SourceRhythm
from kenko.engine.source_silence import BEHIND_MS, Known, changes, decide, log_time
from kenko.model.limits import DAY_MS, HOUR_MS

NOW = 1_700_438_400_000
ALWAYS = (1 << USUAL.kept) - 1
SHORT = SourceRhythm(hour_ms=10, kept=8, known_after=2, week_after=3, first_week=4, retired_after=40)


def busy_until(time_ms):
    """Heard in every hour of two weeks, up to then."""
    return Heard(time_ms, ALWAYS)


def partition(silent=None, now_ms=NOW, **heard):
    return Known(now_ms, heard, silent or {})


def test_a_source_is_silent_since_it_was_last_heard_anywhere():
    here = partition(crm=busy_until(NOW - 9 * HOUR_MS), api=busy_until(NOW - 5))
    there = partition(crm=busy_until(NOW - 4 * HOUR_MS), api=busy_until(NOW - HOUR_MS))
    assert decide(USUAL, [here, there], NOW) == {"crm": NOW - 4 * HOUR_MS}


def test_the_rhythm_is_that_of_all_partitions_together():
    # Every second hour each, in turn: together heard hourly, so a silence of three hours is one.
    odd, even = int("01" * 168, 2), int("10" * 168, 2)
    parts = [
        partition(api=Heard(NOW - 3 * HOUR_MS, odd), web=busy_until(NOW)),
        partition(api=Heard(NOW - 3 * HOUR_MS, even | 1)),
    ]
    assert decide(USUAL, parts, NOW) == {"api": NOW - 3 * HOUR_MS}
    assert decide(USUAL, parts[:1], NOW) == {}


def test_all_sources_silent_is_said_too():
    parts = [partition(crm=busy_until(NOW - 9 * HOUR_MS)), partition(api=busy_until(NOW - 4 * HOUR_MS))]
    since = {"crm": NOW - 9 * HOUR_MS, "api": NOW - 4 * HOUR_MS}
    assert decide(USUAL, parts, NOW) == {**since, ALL_SOURCES: NOW - 4 * HOUR_MS}


def test_it_stays_silent_until_it_is_heard_again_whatever_the_rhythm_says():
    since = NOW - 4 * HOUR_MS
    barely_known = Heard(since, 1)
    told = partition({"crm": since}, crm=barely_known, api=busy_until(NOW))
    assert decide(USUAL, [told], NOW) == {"crm": since}
    heard = told._replace(heard={**told.heard, "crm": Heard(since + 1, 1)})
    assert decide(USUAL, [heard], NOW) == {}


def test_a_crash_between_two_partitions_is_mended():
    since = NOW - 4 * HOUR_MS
    told = partition({"crm": since}, crm=busy_until(since), api=busy_until(NOW))
    untold = partition(api=busy_until(NOW))
    silent = decide(USUAL, [told, untold], NOW)
    assert (changes(told, silent), changes(untold, silent)) == ({}, {"crm": since})
    back = decide(USUAL, [told, untold._replace(heard={"crm": busy_until(NOW)})], NOW)
    assert (changes(told, back), changes(untold, back)) == ({"crm": None}, {})


def test_there_is_no_log_time_while_a_partition_is_behind_or_was_never_heard_of():
    assert log_time([partition(), partition(now_ms=NOW - 7)], NOW) == NOW - 7
    assert log_time([partition(), partition(now_ms=NOW - BEHIND_MS - 1)], NOW) is None
    assert log_time([partition(), partition(now_ms=None)], NOW) is None
    assert log_time([], NOW) is None


def test_a_store_that_was_emptied_decides_nothing():
    assert decide(USUAL, [Known(None, {}, {}), Known(None, {}, {})], NOW) == {}
    assert decide(USUAL, [partition({"crm": 7})], NOW) == {"crm": 7}


def test_what_is_among_the_others_of_a_partition_may_be_the_source():
    here = partition(crm=busy_until(NOW - 9 * HOUR_MS))
    full = Known(NOW, {"web": busy_until(NOW), OTHERS: busy_until(NOW)}, {})
    assert decide(USUAL, [here, full], NOW) == {}


def test_a_source_given_up_for_good_holds_nothing_any_more_but_a_dead_pipeline_does():
    since = NOW - 28 * DAY_MS - 1
    gone = busy_until(since)
    assert decide(USUAL, [partition({"crm": since}, crm=gone, api=busy_until(NOW))], NOW) == {}
    dead = {"crm": since, ALL_SOURCES: since}
    assert decide(USUAL, [partition(dead, crm=gone)], NOW) == dead


def test_at_most_so_many_sources_are_judged_and_silent_ones_come_first():
    heard = {f"s{n}": busy_until(NOW - 4 * HOUR_MS) for n in range(9)}
    told = Known(NOW, heard | {"web": busy_until(NOW)}, {"s8": NOW - 4 * HOUR_MS})
    assert set(decide(USUAL, [told], NOW, limit=3)) == {"s8", "s0", "s1"}


sources = st.sampled_from(["api", "crm", "web"])
events = st.lists(st.tuples(sources, st.integers(0, 1), st.integers(0, 90)), max_size=50)


@given(events, st.booleans())
def test_over_any_history_it_agrees_with_itself(story, in_one):
    """Looks after each event: told is what was decided; silence begins late enough, ends at the first event."""
    now, silent = 1000, {}
    heard = ({}, {})
    for source, place, wait in story:
        now += wait
        parts = [Known(now, its, silent) for its in heard]
        decided = decide(SHORT, parts, now)
        assert decide(SHORT, [Known(now, its, decided) for its in heard], now) == decided, (
            "a second look changes nothing"
        )
        known = {name: SHORT.together(its[name] for its in heard if name in its) for name in set().union(*heard)}
        for name in decided.keys() - silent.keys() - {ALL_SOURCES}:
            assert now - known[name].last_ms > SHORT.patience_ms(known[name])
            assert decided[name] == known[name].last_ms
        awaited = {name for name, its in known.items() if not SHORT.is_retired(its, now)}
        if awaited and awaited <= decided.keys():
            assert ALL_SOURCES in decided
        silent = decided
        here = heard[0 if in_one else place]
        here[source] = SHORT.hear(here.get(source), now + 1)
        after = decide(SHORT, [Known(now + 1, its, silent) for its in heard], now + 1)
        assert source not in after
        assert ALL_SOURCES not in after
