"""Copies of misrouted records: what their headers say, and what is made of headers that cannot be ours. Pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from kenko.engine.partitioning import murmur2_partition
from kenko.runtime.clock import ManualClock
from kenko.store.memory_partition import MemoryPartitionStore
from kenko.stream.decode import decode, heard
from kenko.stream.forwarding import origin_of
from kenko.stream.strays import WARN_EVERY_S, MisroutedWarning
from schemas.base import from_ms
from schemas.forwarded import Forwarded

PARTITIONS = 4
LOG = "test-log"
HOME = murmur2_partition(b"acme", PARTITIONS)
ELSEWHERE = (HOME + 1) % PARTITIONS


BROKEN = [
    {"partition": b"-1"},
    {"partition": b"x"},
    {"partition": b"\xff"},
    {"partition": b"4"},  # there is no such one
    {"partition": str(HOME).encode()},  # nothing is forwarded to where it is
    {"offset": b""},
    {"offset": b"-5"},
    {"offset": b"1.5"},
    {"timestamp": b"-2"},
    {"timestamp": b"now"},
]


@pytest.mark.parametrize("change", BROKEN, ids=str)
def test_headers_that_cannot_be_ours_are_refused_with_the_mend(copies, change):
    copy = copies.copied(copies.a_record(partition=ELSEWHERE), to=HOME, **change)

    (item,) = decode([copy], 0, log_id=LOG, partitions=PARTITIONS)

    assert item.content.reason == "invalid"
    assert item.content.message.startswith("kenko.forwarded.*: ")
    assert item.content.message.endswith("leave these headers to Kenko")


@pytest.mark.parametrize("part", [slice(0, 3), slice(1, 4), slice(3, 4)])
def test_some_of_the_headers_are_not_a_copy(copies, part):
    whole = Forwarded(log=LOG, partition=ELSEWHERE, offset=5, timestamp=0).headers()
    record = copies.a_record(partition=HOME, headers=whole[part])
    (item,) = decode([record], 0, log_id=LOG, partitions=PARTITIONS)
    if part.stop == 4:  # it ends as a copy does
        assert item.content.reason == "invalid"
    else:  # just headers that somebody has, as far as we can tell
        assert (item.account_id, item.origin) == ("acme", None)


AN_HOUR = 3_600_000
NOW = 1_700_000_000_000

FUTURES = [
    # event time, taken in first, time of the copy -> still accepted
    (NOW + AN_HOUR, NOW, NOW + AN_HOUR, True),
    (NOW + AN_HOUR + 1, NOW, NOW + 2 * AN_HOUR, False),  # the delay of a copy makes no event less ahead
    (NOW + 2 * AN_HOUR, NOW + 2 * AN_HOUR, NOW, False),  # a forged header makes none less ahead either
    (NOW + AN_HOUR, NOW + 2 * AN_HOUR, NOW, True),
    (NOW + AN_HOUR, -1, NOW, True),  # the broker noted nothing
]


@pytest.mark.parametrize(("time_ms", "first_ms", "copy_ms", "accepted"), FUTURES)
def test_in_the_future_is_judged_as_on_the_first_record(copies, time_ms, first_ms, copy_ms, accepted):
    copy = copies.copied(
        copies.a_record(partition=ELSEWHERE, time_ms=time_ms), to=HOME, timestamp=str(first_ms).encode()
    )
    (item,) = decode([copy._replace(timestamp=copy_ms)], 0, log_id=LOG, partitions=PARTITIONS)
    assert (item.account_id == "acme") is accepted
    assert accepted or item.content.reason == "in_the_future"


def test_an_event_without_a_time_has_the_time_at_which_it_was_first_taken_in(copies):
    record = copies.a_record(partition=ELSEWHERE, at_ms=NOW)
    untimed = record._replace(headers=[header for header in record.headers if header[0] != "ce_time"])
    copy = copies.copied(untimed, to=HOME)._replace(timestamp=NOW + AN_HOUR)
    (item,) = decode([copy], 0, log_id=LOG, partitions=PARTITIONS)
    assert item.content.time == from_ms(NOW)


def test_a_source_is_heard_where_its_producer_put_the_record_and_not_where_a_copy_stands(copies):
    record = copies.a_record(partition=ELSEWHERE, at_ms=NOW)
    copy = copies.copied(record, to=HOME, at=9)._replace(timestamp=NOW + 5 * AN_HOUR)
    read = decode([record], 0, log_id=LOG, partitions=PARTITIONS)
    forwarded = decode([copy], 0, log_id=LOG, partitions=PARTITIONS)
    assert heard(read, AN_HOUR) == [("api", NOW)]
    assert heard(forwarded, AN_HOUR) == []
    assert heard([*forwarded, *read], AN_HOUR) == [("api", NOW)]


class RememberingStore(MemoryPartitionStore):
    """Keeps the fences that were committed to it."""

    def __init__(self, core):
        super().__init__(core)
        self.fences = []

    async def commit(self, commit):
        self.fences.append(commit.fence)
        return await super().commit(commit)


async def test_no_fence_says_that_a_copy_behind_it_was_applied(bench, copies, story):
    """A commit in the middle of a batch: a crash after it must meet the rest of the copies as new."""
    accounts = [name for name in (f"a{n}" for n in range(40)) if murmur2_partition(name.encode(), PARTITIONS) == 0][:6]
    places = []
    for number, account in enumerate(accounts):
        copy = copies.copied(copies.a_record(account, partition=1 + number % 2, offset=10 + number), to=0)
        places.append((bench.log.append(copy.key, copy.value, copy.headers, timestamp=copy.timestamp), copy))
        if number % 2:
            bench.tick(story.start + number)
    store, bench.fetch_limit = RememberingStore(bench.core), 1000

    await bench.run_to_end(store=store, partitions=PARTITIONS, due_budget=1999)  # a tick needs a commit of its own

    assert len(store.fences) > 2
    for fence in store.fences:
        applied = {}
        for offset, copy in places:
            if offset < fence.offset:
                origin = origin_of(copy, LOG, PARTITIONS)
                applied[origin.partition] = origin.offset
        assert fence.forwarded == applied


def test_a_copy_of_a_copy_names_the_last_place_only(copies):
    first = copies.copied(copies.a_record(partition=0), to=1, log="other")
    second = copies.copied(first._replace(partition=1, offset=77), to=2)
    origin = origin_of(second, LOG, PARTITIONS)
    assert (origin.partition, origin.offset) == (1, 77)
    assert sum(name.startswith("kenko.forwarded.") for name, _ in second.headers) == 4


def test_the_log_says_once_what_to_mend_and_no_account(copies):
    clock = ManualClock()
    warning = MisroutedWarning(3, clock)
    (item,) = decode([copies.a_record("acme-corp", partition=3)], 0, log_id=LOG, partitions=PARTITIONS)
    with capture_logs() as lines:
        for _ in range(50):
            warning.forwarded(item)
        clock.advance(int(WARN_EVERY_S * 1000))
        warning.forwarded(item)
    assert [line["records"] for line in lines] == [1, 50]
    assert all("partitioner=murmur2_random" in line["mend"] for line in lines)
    assert all((line["partition"], line["first_source"], line["log_level"]) == (3, "api", "warning") for line in lines)
    assert "acme" not in str(lines)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=200))
def test_however_zombies_interleave_the_highest_offset_drops_what_was_applied_and_nothing_else(steps):
    """Writers begin at the fence and write in order; only one that knows the fence may move it, to where it stands.

    Each step: (which writer, whether it then commits). A writer whose commit is refused begins again, as a new owner does.
    """
    fence, target = 0, []
    writers = {}  # -> (fence it saw, next offset to write)
    for name, commits in steps:
        saw, at = writers.get(name, (fence, fence))
        target.append(at)
        at += 1
        if commits and saw == fence:
            fence = saw = at
        elif commits:
            saw = at = fence
        writers[name] = (saw, at)
    highest, applied = -1, []
    for offset in target:
        if offset > highest:
            highest = offset
            applied.append(offset)
    assert applied == sorted(set(target)) == list(range(len(applied)))
    assert fence <= len(applied)
