"""The layout of the state topic: what is written is read again, whatever its size and whoever the account is."""

import random

import pytest

from kenko.engine.rows import Row
from kenko.engine.source_rhythm import Heard
from kenko.store.port import Fence
from kenko.stream.producer import MAX_REQUEST_BYTES
from kenko.stream.state_records import (
    MAX_PARTS,
    StateTopic,
    TooLargeError,
    UnreadableError,
    content_of,
    digests_in,
    marker_of,
    read_part,
    row_in,
)

TOPIC = StateTopic("kenko.account-state.v1", "default-0123abcd", 3)
NOISE = random.Random(1)


@pytest.mark.parametrize("account", ["acme", "a/b/../c", "/", "健康", "row/0/acme", "x" * 200])
@pytest.mark.parametrize("ids", [0, 3, 300], ids=["none", "few", "several-records"])
def test_a_row_comes_back_from_its_parts(account, ids):
    row = Row(b"state " * 50, [NOISE.randbytes(10_000) for _ in range(ids)])

    records = TOPIC.rows(account, row, 77)

    assert len(records) == (4 if ids == 300 else 1)
    parts = [read_part(record.value) for record in records]
    assert [TOPIC.row_of(record.key) for record in records] == [(account, n) for n in range(len(records))]
    assert {(part.fence, part.parts) for part in parts} == {(77, len(records))}
    assert row_in(content_of([part.share for part in parts])) == row
    assert {(r.topic, r.partition) for r in records} == {("kenko.account-state.v1", 3)}
    assert max(len(r.key) + len(r.value) for r in records) < MAX_REQUEST_BYTES
    assert {r.key for r in records} <= {r.key for r in TOPIC.tombstones(account)}


def test_a_row_that_is_too_large_is_refused():
    with pytest.raises(TooLargeError):
        TOPIC.rows("acme", Row(NOISE.randbytes(900_000 * MAX_PARTS), []), 1)


def test_a_marker_holds_all_that_a_fence_holds():
    fence = Fence(9, "log", 5, {"applied": 3}, {"api": 4}, {"": Heard(8, 2**336 - 1)}, {2: 41}, snapshot_ms=6)

    record = TOPIC.marker(marker_of(fence, rows=2, forgotten=1, since=40, began_ms=6))

    marker = TOPIC.read_marker(record.key, record.value)
    assert marker.fence() == fence
    assert (marker.rows, marker.forgotten, marker.since) == (2, 1, 40)


def test_digests_come_back_and_none_are_no_record():
    digests = {NOISE.randbytes(16) for _ in range(1000)}

    (record,) = TOPIC.forgotten(digests, 5)

    assert TOPIC.is_forgotten(record.key)
    assert digests_in(content_of([read_part(record.value).share])) == digests
    assert TOPIC.forgotten([], 5) == []


def test_of_another_model_nothing_is_read():
    other = StateTopic(TOPIC.topic, "default-0123abce", 3)
    marker = TOPIC.marker(marker_of(Fence(9, "log"), rows=0, forgotten=0, since=None, began_ms=6))
    row, digests = TOPIC.rows("acme", Row(b"", []), 1)[0], TOPIC.forgotten([b"x" * 16], 1)[0]

    assert other.read_marker(marker.key, marker.value) is None
    assert other.row_of(row.key) is None
    assert not other.is_forgotten(digests.key)


@pytest.mark.parametrize(
    "read",
    [
        lambda: read_part(b"short"),
        lambda: read_part(b"\x02" + bytes(10) + b"later"),
        lambda: content_of([b"no zlib"]),
        lambda: TOPIC.read_marker(b"default-0123abcd/marker", b"{}"),
        lambda: TOPIC.read_marker(b"default-0123abcd/marker", b"\xff"),
    ],
    ids=["short", "later-version", "not-compressed", "marker-without-fields", "marker-not-json"],
)
def test_what_cannot_be_read_is_said(read):
    with pytest.raises(UnreadableError):
        read()
