import pytest

from kenko.stream.batches import Batch, pack
from kenko.stream.continuity import Continuity, Verdict, judge
from kenko.stream.memory_log import MemoryRecord


def record(offset):
    return MemoryRecord("t", 3, offset, 1000 + offset, b"k", b"v", ())


def batch(first, end, *, follows=None, highwater=None):
    return Batch(
        partition=3,
        follows=first if follows is None else follows,
        records=[record(first), record(end - 1)] if end - first > 1 else [record(first)],
        highwater=highwater,
    )


class Fetched(MemoryRecord):
    timestamp_type = 1


def test_pack_makes_one_record_of_many_and_says_where_each_was_read_from():
    records = [Fetched(*record(offset)) for offset in (5, 6, 8, 9, 12)]

    packed = list(pack("t", records, follows=4, highwater=20, limit=2))

    assert [(p.offset, p.value.follows, p.value.first, p.value.end) for p in packed] == [
        (6, 4, 5, 7),  # read from 4: the broker has no record 4
        (9, 7, 8, 10),
        (12, 10, 12, 13),
    ]
    assert {(p.topic, p.partition, p.key, p.value.highwater) for p in packed} == {("t", 3, None, 20)}
    assert [r for p in packed for r in p.value.records] == records


def test_pack_of_nothing_is_nothing():
    assert list(pack("t", [], follows=0, highwater=0)) == []


@pytest.mark.parametrize(
    ("given", "next_offset", "verdict"),
    [
        # the usual: it begins where we stand
        (batch(10, 20), 10, Verdict(Continuity.FOLLOWS)),
        # a part of it was applied before: apply the rest
        (batch(5, 20), 10, Verdict(Continuity.FOLLOWS)),
        # read from where we stand, but the first record lies higher: the broker has nothing between
        (batch(13, 20, follows=10), 10, Verdict(Continuity.FOLLOWS, hole=3)),
        # read from below us, and nothing between either
        (batch(13, 20, follows=7), 10, Verdict(Continuity.FOLLOWS, hole=3)),
        # all of it was applied before
        (batch(5, 10, highwater=10), 10, Verdict(Continuity.BELOW)),
        # read from above us: what lies between did not come here
        (batch(13, 20), 10, Verdict(Continuity.GAP)),
        # the first record just above us, but not read from where we stand: no guessing
        (batch(11, 20, follows=11), 10, Verdict(Continuity.GAP)),
        # below us, and the log ends below us
        (batch(5, 8, highwater=8), 10, Verdict(Continuity.SHORTER_LOG)),
    ],
)
def test_judge(given, next_offset, verdict):
    assert judge(given, next_offset) == verdict
