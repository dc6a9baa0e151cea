from __future__ import annotations

from collections import Counter

import pytest

from kenko.engine import recent_ids
from kenko.engine.id_runs import begin_run, hour_of, over_through, runs_in
from kenko.engine.recent_ids import CUT_SHORT, RecentIds, drained_unread, has_list
from kenko.engine.rows import CHUNK_HEADER, TAIL_HEADER

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW = 20_000 * DAY_MS
HOUR = hour_of(NOW)
UNTIMED_LIST = 2**32 - 1


def digest(number):
    return number.to_bytes(8, "big")


def run(hour, *numbers):
    return begin_run(hour)[:-1] + bytes([len(numbers)]) + b"".join(map(digest, numbers))


def chunk(hour, offset, *numbers, before=b""):
    """Of one hour, or of those in `before` too."""
    return CHUNK_HEADER.pack(hour * HOUR_MS, offset) + before + run(hour, *numbers)


def tail(*runs, listed=0):
    return TAIL_HEADER.pack(listed) + b"".join(runs)


def order(ids):
    return [int.from_bytes(digest, "big") for digest, _ in ids.known(NOW)]


@pytest.fixture
def small(monkeypatch):
    """A tail is full with three ids of one hour."""
    monkeypatch.setattr(recent_ids, "TAIL_BYTES", 5 + 3 * 8)


@pytest.mark.parametrize("begun", [0, 1, HOUR_MS - 1])
@pytest.mark.parametrize(
    ("later", "is_new"), [(0, False), (24 * HOUR_MS, False), (25 * HOUR_MS - 1, False), (25 * HOUR_MS, True)]
)
def test_an_id_is_remembered_for_24_hours_of_log_time_after_its_hour(begun, later, is_new):
    ids = RecentIds()
    assert ids.add(digest(1), 1, NOW + begun)
    assert ids.add(digest(1), 2, max(NOW + begun, NOW + later)) is is_new


def test_only_the_newest_ids_are_remembered_and_others_are_counted(monkeypatch):
    monkeypatch.setattr(recent_ids, "ID_LIMIT", 3)
    counts = Counter()
    ids = RecentIds(counts=counts)
    for number in range(4):
        assert ids.add(digest(number), number, NOW)
    assert not ids.add(digest(1), 9, NOW)
    assert counts == {CUT_SHORT: 1}
    assert ids.add(digest(0), 9, NOW), "the fourth pushed it out"
    assert ids.add(digest(7), 9, NOW + 2 * DAY_MS)
    assert counts == {CUT_SHORT: 2}, "those of the days before were over"


def test_ids_stay_in_the_tail_until_it_is_full(small):
    ids = RecentIds()
    ids.add(digest(1), 11, NOW)
    ids.add(digest(2), 12, NOW + HOUR_MS - 1)
    assert ids.drain(NOW) == ((), None, tail(run(HOUR, 1, 2)))
    assert ids.drain(NOW) == ((), None, tail(run(HOUR, 1, 2))), "it is part of every row"
    ids.add(digest(3), 13, NOW + HOUR_MS)
    full = chunk(HOUR + 1, 13, 3, before=run(HOUR, 1, 2))
    assert ids.drain(NOW) == ((full,), None, tail(listed=HOUR + 1))
    ids.add(digest(4), 14, NOW + HOUR_MS)
    assert ids.drain(NOW) == ((), None, tail(run(HOUR + 1, 4), listed=HOUR + 1)), "a chunk is written once"


def test_the_default_tail_holds_half_a_kilobyte():
    ids = RecentIds()
    for number in range(1000):
        ids.add(digest(number), number, NOW)
    chunks, _, rest = ids.drain(NOW)
    assert {len(packed) for packed in chunks} == {16 + 5 + 64 * 8}
    assert len(rest) == 4 + 5 + 1000 % 64 * 8


def test_what_was_written_is_remembered_again_and_its_tail_goes_on(small):
    ids = RecentIds([chunk(HOUR, 12, 1, 2, 3)], tail(run(HOUR, 4), listed=HOUR), row_offset=14)
    assert [ids.add(digest(number), 20, NOW) for number in (1, 3, 4, 5)] == [False, False, False, True]
    assert ids.drain(NOW) == ((), None, tail(run(HOUR, 4, 5), listed=HOUR))
    ids.add(digest(6), 21, NOW)
    assert ids.drain(NOW).chunks == (chunk(HOUR, 21, 4, 5, 6),)


def test_a_chunk_above_the_row_is_passed_over_and_counts_when_the_row_has_come_there():
    chunks = [chunk(HOUR, 10, 1), chunk(HOUR, 15, 2, 3)]
    assert RecentIds(chunks, row_offset=10).add(digest(2), 14, NOW)
    again = [*chunks, chunk(HOUR, 15, 2, 3), chunk(HOUR, 16, 4)]  # the replay appended the same ids once more
    assert order(RecentIds(again, row_offset=16)) == [1, 2, 3, 4]


def test_a_chunk_that_the_tail_repeats_is_read_once_and_not_counted_twice(small, monkeypatch):
    """A commit wrote a chunk and no row; the replay stopped earlier, with the same ids in its tail."""
    monkeypatch.setattr(recent_ids, "ID_LIMIT", 4)
    ids = RecentIds([chunk(HOUR, 9, 8, 9), chunk(HOUR, 15, 1, 2, 3)], tail(run(HOUR, 1, 2), listed=HOUR), row_offset=15)
    assert order(ids) == [9, 1, 2, 3]
    ids.add(digest(4), 16, NOW)
    chunks, through, _ = ids.drain(NOW)
    assert (chunks, through) == ((chunk(HOUR, 16, 1, 2, 4),), None)
    assert ids.drain(NOW).through == 9, "of five stored ids the first chunk brought more than is beyond the limit"


def test_an_id_applied_again_after_a_day_counts_from_then():
    ids = RecentIds([chunk(HOUR, 1, 7), chunk(HOUR + 25, 2, 7)], row_offset=2)
    assert not ids.add(digest(7), 3, NOW + 50 * HOUR_MS - 1)
    assert ids.add(digest(7), 3, NOW + 50 * HOUR_MS)


def test_an_id_is_not_over_before_its_time_because_others_are_read():
    ids = RecentIds([chunk(HOUR, 1, 7), chunk(HOUR + 24, 2, 8)], row_offset=2)
    assert not ids.add(digest(7), 3, NOW + 25 * HOUR_MS - 1)


@pytest.mark.parametrize(
    ("committed_ms", "through", "kept"),
    [
        (NOW + 25 * HOUR_MS - 1, None, run(HOUR + 1, 4)),
        (NOW + 25 * HOUR_MS, 12, run(HOUR + 1, 4)),
        (NOW + 26 * HOUR_MS, 13, b""),
    ],
)
def test_ids_are_dropped_when_they_were_over_at_the_fence_already(committed_ms, through, kept):
    chunks = [chunk(HOUR, 12, 1, 2), chunk(HOUR + 1, 13, 3)]
    ids = RecentIds(chunks, tail(run(HOUR + 1, 4), listed=HOUR + 1), row_offset=14)
    now = hour_of(NOW + 3 * DAY_MS)
    ids.add(digest(5), 20, NOW + 3 * DAY_MS)
    _, dropped, rest = ids.drain(committed_ms)
    assert (dropped, rest[4:]) == (through, kept + run(now, 5))
    ids.add(digest(6), 21, NOW + 3 * DAY_MS)
    assert ids.drain(committed_ms).tail[4:] == kept + run(now, 5, 6)


@pytest.mark.parametrize(
    ("committed_ms", "through", "rest"),
    [
        (NOW + 25 * HOUR_MS - 1, None, tail(run(HOUR, 1), run(HOUR + 2, 2), listed=HOUR)),
        (NOW + 25 * HOUR_MS, 30, tail(run(HOUR + 2, 2))),
        (NOW + 27 * HOUR_MS, 30, b""),
    ],
)
def test_of_ids_that_were_not_read_goes_what_is_over(committed_ms, through, rest):
    held = tail(run(HOUR, 1), run(HOUR + 2, 2), listed=HOUR)
    assert drained_unread(held, 30, committed_ms) == ((), through, rest)
    assert (has_list(held), has_list(rest)) == (True, through is None)
    assert drained_unread(rest, 31, committed_ms) == ((), None if through else through, rest)


def test_an_account_without_ids_keeps_nothing():
    assert RecentIds().drain(NOW) == ((), None, b"")
    assert drained_unread(b"", 3, NOW) == ((), None, b"")
    assert not has_list(b"")


def test_chunks_beyond_the_limit_are_dropped(small, monkeypatch):
    monkeypatch.setattr(recent_ids, "ID_LIMIT", 3)
    ids = RecentIds()
    for number in range(6):
        ids.add(digest(number), number, NOW)
    assert ids.drain(NOW)[1] is None, "what this commit itself pushes out must wait: a replay may still ask for it"
    assert ids.drain(NOW)[1] == 2


def test_ids_from_before_the_first_tick_count_from_the_first_that_has_a_time():
    ids = RecentIds()
    assert ids.add(digest(1), 1, 0)
    assert not ids.add(digest(1), 2, 0)
    written = ids.drain(0).tail
    assert written == tail(run(0, 1))
    for known in (ids, RecentIds((), written, row_offset=1)):
        assert not known.add(digest(1), 2, NOW - 9 * DAY_MS), "a repeat sets no time"
        assert known.add(digest(2), 3, NOW)
        assert not known.add(digest(1), 4, NOW + 25 * HOUR_MS - 1)
        assert known.add(digest(1), 5, NOW + 25 * HOUR_MS)


def test_what_has_no_time_is_over_with_the_next_that_has_one(small):
    chunks = [chunk(0, 1, 1), chunk(HOUR, 2, 2)]
    ids = RecentIds(chunks, row_offset=2)
    assert ids.drain(NOW + 25 * HOUR_MS - 1).through is None
    assert ids.drain(NOW + 25 * HOUR_MS).through == 2
    runs = run(0, 1) + run(HOUR, 2) + run(HOUR + 1, 3)
    assert over_through(runs, NOW + 25 * HOUR_MS - 1) == 0
    assert runs[over_through(runs, NOW + 25 * HOUR_MS) :] == run(HOUR + 1, 3)
    assert over_through(run(0, 1), NOW + 9 * DAY_MS) == 0

    untimed = RecentIds()
    for number in range(3):
        untimed.add(digest(number), number, 0)
    chunks, _, rest = untimed.drain(0)
    assert (chunks, rest) == ((chunk(0, 2, 0, 1, 2),), tail(listed=UNTIMED_LIST))
    assert drained_unread(rest, 30, NOW + 9 * DAY_MS) == ((), None, rest)
    untimed.add(digest(9), 9, NOW)
    assert untimed.drain(NOW).tail == tail(run(HOUR, 9), listed=HOUR)


def test_a_repeated_chunk_without_a_time_changes_nothing():
    once = [chunk(0, 1, 1, 2), chunk(HOUR, 2, 3)]
    broken = RecentIds([*once, chunk(0, 1, 1, 2), chunk(HOUR, 2, 3), chunk(HOUR + 1, 3, 4)], row_offset=3)
    whole = RecentIds([*once, chunk(HOUR + 1, 3, 4)], row_offset=3)
    assert broken.known(NOW) == whole.known(NOW)
    assert len(broken) == len(whole) == 4


def test_a_repeated_chunk_keeps_its_place_in_time():
    """A commit wrote ids of two days and no row; its repeat wrote them again. An id was applied on both days."""
    days = [chunk(HOUR, 3, 1, 2), chunk(HOUR + 25, 9, 1)]
    broken = RecentIds([*days, *days], row_offset=9)
    whole = RecentIds(days, row_offset=9)
    assert broken.known(NOW) == whole.known(NOW) == [(digest(1), (HOUR + 25) * HOUR_MS)]


def test_the_first_time_is_that_of_chunks_without_one_only():
    ids = RecentIds([chunk(0, 0, 1), chunk(HOUR, 3, 2), chunk(HOUR + 25, 9, 2)], row_offset=0)
    ids.add(digest(2), 3, NOW)
    ids.drain(0)
    assert ids.drain(NOW + 25 * HOUR_MS)[1] == 3, "the chunk of the day after is not over"


def test_without_a_store_nothing_is_kept_to_be_written(small):
    ids = RecentIds()
    for number in range(5):
        ids.add(digest(number), number, NOW)
        ids.settle()
    assert ids.drain(NOW) == ((), None, b"")
    assert not ids.add(digest(0), 9, NOW), "it is known all the same"


def test_runs_are_read_as_they_are_written():
    packed = run(HOUR, 1, 2) + run(HOUR + 1) + run(HOUR + 2, *range(255))
    assert [(hour, (end - begin) // 8) for hour, begin, end in runs_in(packed)] == [
        (HOUR, 2),
        (HOUR + 1, 0),
        (HOUR + 2, 255),
    ]
