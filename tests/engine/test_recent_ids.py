from __future__ import annotations

import pytest

from kenko.engine import recent_ids
from kenko.engine.recent_ids import RecentIds, expired_through
from kenko.engine.rows import CHUNK_HEADER

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW = 20_000 * DAY_MS


def digest(number):
    return number.to_bytes(8, "big")


def chunk(now_ms, offset, *numbers):
    return CHUNK_HEADER.pack(now_ms, offset) + b"".join(map(digest, numbers))


@pytest.mark.parametrize(("later", "is_new"), [(0, False), (DAY_MS - 1, False), (DAY_MS, True)])
def test_an_id_is_remembered_for_24_hours_of_log_time(later, is_new):
    ids = RecentIds()
    assert ids.add(digest(1), 1, NOW)
    assert ids.add(digest(1), 2, NOW + later) is is_new


def test_only_the_newest_ids_are_remembered(monkeypatch):
    monkeypatch.setattr(recent_ids, "ID_LIMIT", 3)
    ids = RecentIds()
    for number in range(4):
        assert ids.add(digest(number), number, NOW)
    assert not ids.add(digest(1), 9, NOW)
    assert ids.add(digest(0), 9, NOW), "the fourth pushed it out"


def test_a_chunk_holds_the_ids_of_one_log_time():
    ids = RecentIds()
    for number, now_ms in [(1, NOW), (2, NOW), (3, NOW + 1)]:
        ids.add(digest(number), number + 10, now_ms)
    chunks, through = ids.drain(NOW)
    assert chunks == (chunk(NOW, 12, 1, 2), chunk(NOW + 1, 13, 3))
    assert through is None
    assert ids.drain(NOW) == ((), None), "each id is written once"


def test_what_was_written_is_remembered_again():
    ids = RecentIds([chunk(NOW, 12, 1, 2), chunk(NOW + 1, 13, 3)], row_offset=13)
    assert [ids.add(digest(number), 20, NOW + 2) for number in (1, 2, 3, 4)] == [False, False, False, True]


def test_a_chunk_above_the_row_is_passed_over_and_counts_when_the_row_has_come_there():
    chunks = [chunk(NOW, 10, 1), chunk(NOW, 15, 2, 3)]
    assert RecentIds(chunks, row_offset=10).add(digest(2), 14, NOW)
    again = [*chunks, chunk(NOW, 15, 2, 3), chunk(NOW, 16, 4)]  # the replay appended the same ids once more
    ids = RecentIds(again, row_offset=16)
    assert len(ids) == 4
    assert list(ids._order) == [digest(number) for number in (1, 2, 3, 4)]


def test_an_id_applied_again_after_a_day_counts_from_then():
    ids = RecentIds([chunk(NOW, 1, 7), chunk(NOW + DAY_MS, 2, 7)], row_offset=2)
    assert not ids.add(digest(7), 3, NOW + 2 * DAY_MS - 1)
    assert ids.add(digest(7), 3, NOW + 2 * DAY_MS)


@pytest.mark.parametrize(
    ("committed_ms", "through"),
    [
        (NOW + DAY_MS - 1, None),
        (NOW + DAY_MS, 12),  # of the first chunk
        (NOW + DAY_MS + 5, 13),
    ],
)
def test_chunks_are_dropped_when_they_were_over_at_the_fence_already(committed_ms, through):
    chunks = [chunk(NOW, 12, 1, 2), chunk(NOW + 5, 13, 3)]
    ids = RecentIds(chunks, row_offset=13)
    ids.add(digest(4), 20, NOW + 3 * DAY_MS)
    assert ids.drain(committed_ms)[1] == through
    assert expired_through(chunks, committed_ms) == through


def test_chunks_beyond_the_limit_are_dropped(monkeypatch):
    monkeypatch.setattr(recent_ids, "ID_LIMIT", 2)
    ids = RecentIds()
    for number in range(3):
        ids.add(digest(number), number, NOW + number)
    assert ids.drain(NOW)[1] is None, "what this commit itself pushes out must wait: a replay may still ask for it"
    assert ids.drain(NOW)[1] == 0


def test_ids_from_before_the_first_tick_count_from_the_first_that_has_a_time():
    ids = RecentIds()
    assert ids.add(digest(1), 1, 0)
    assert not ids.add(digest(1), 2, 0)
    written, _ = ids.drain(0)
    assert written == (chunk(0, 1, 1),)
    for known in (ids, RecentIds(written, row_offset=1)):
        assert known.add(digest(2), 3, NOW)
        assert not known.add(digest(1), 4, NOW + DAY_MS - 1)
        assert known.add(digest(1), 5, NOW + DAY_MS)


def test_a_chunk_without_a_time_is_over_with_the_next_that_has_one():
    chunks = [chunk(0, 1, 1), chunk(NOW, 2, 2)]
    assert expired_through(chunks[:1], NOW + 9 * DAY_MS) is None
    assert expired_through(chunks, NOW + DAY_MS - 1) is None
    assert expired_through(chunks, NOW + DAY_MS) == 2
    ids = RecentIds(chunks, row_offset=2)
    assert ids.drain(NOW + DAY_MS)[1] == 2


def test_a_repeated_chunk_without_a_time_changes_nothing():
    once = [chunk(0, 1, 1, 2), chunk(NOW, 2, 3)]
    broken = RecentIds([*once, chunk(0, 1, 1, 2), chunk(NOW, 2, 3), chunk(NOW + 1, 3, 4)], row_offset=3)
    whole = RecentIds([*once, chunk(NOW + 1, 3, 4)], row_offset=3)
    assert (broken._seen, broken._order) == (whole._seen, whole._order)


def test_a_repeated_chunk_keeps_its_place_in_time():
    """A commit wrote ids of two days and no row; its repeat wrote them again. An id was applied on both days."""
    days = [chunk(NOW, 3, 1, 2), chunk(NOW + 25 * HOUR_MS, 9, 1)]
    broken = RecentIds([*days, *days], row_offset=9)
    whole = RecentIds(days, row_offset=9)
    assert (broken._seen, broken._order) == (whole._seen, whole._order)


def test_the_first_time_is_that_of_chunks_without_one_only():
    ids = RecentIds([chunk(0, 0, 1), chunk(NOW, 3, 2), chunk(NOW + 25 * HOUR_MS, 9, 2)], row_offset=0)
    ids.add(digest(2), 3, NOW)
    ids.drain(0)
    assert ids.drain(NOW + DAY_MS)[1] == 3, "the chunk of the day after is not over"
