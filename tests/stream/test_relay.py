"""A log laid out anew: every account with its whole past on its new partition, in the order in which it was."""

from __future__ import annotations

import pytest

from kenko.dialects.cloudevents import (
    decode_record,
    encode_event,
    encode_forget,
    encode_override,
    encode_tick,
    encode_traits,
)
from kenko.dialects.own_records import encode_source_state
from kenko.engine.partitioning import murmur2_partition
from kenko.stream.browser import Bounds
from kenko.stream.forwarding import copy_of
from kenko.stream.memory_log import MemoryRecord
from kenko.stream.relay import PIECE, Fate, Relay, merged
from schemas.account_traits import AccountTraits
from schemas.base import from_ms, to_ms
from schemas.forget import Forget
from schemas.override import Override
from schemas.source_state import SourceState
from schemas.usage_event import UsageEvent

START = 1_772_323_200_000
OLD, NEW = 4, 6
ACCOUNTS = [f"account-{number}" for number in range(40)]


def record(made, *, partition, offset=0, at_ms=START):
    return MemoryRecord("old", partition, offset, at_ms, made.key, made.value, made.headers)


def event(account, number=0, *, at_ms=START):
    return UsageEvent(id=f"e{number}", source="crm", account_id=account, event="Used", time=from_ms(at_ms))


def tick(at_ms, *, partition=0, offset=0):
    return record(encode_tick(at_ms, source="kenko/scorer", id="t"), partition=partition, offset=offset, at_ms=at_ms)


@pytest.fixture
def relay():
    return Relay(old_log="cluster/old", topic="new", partitions=NEW, tick_every_ms=10_000)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_record_goes_to_the_partition_of_its_key_as_it_was(relay, account):
    was = event(account)
    (out,) = relay.relay(record(encode_event(was), partition=murmur2_partition(account.encode(), OLD)))
    assert (out.topic, out.partition) == ("new", murmur2_partition(account.encode(), NEW))
    assert decode_record(out.key, out.value, out.headers, START + 10**9) == was


@pytest.mark.parametrize(
    "made",
    [
        encode_traits(AccountTraits(id="a", account_id="acme", time=from_ms(START), traits={"seats": 5})),
        encode_override(
            Override(id="o", account_id="acme", time=from_ms(START), score=5, reason="Merger.", author="sato")
        ),
        encode_forget(Forget(id="f", account_id="acme", time=from_ms(START), author="sato")),
    ],
    ids=["traits", "override", "forget"],
)
def test_so_do_our_own_records(relay, made):
    (out,) = relay.relay(record(made, partition=0))
    assert out.partition == murmur2_partition(b"acme", NEW)
    assert decode_record(out.key, out.value, out.headers, START) == decode_record(*made, START)


def test_an_event_that_left_its_time_to_the_log_keeps_it(relay):
    """The new log takes it in today."""
    bare = MemoryRecord("old", 0, 7, START, b"acme", b'{"id": "e1", "account_id": "acme", "event": "Used"}', [])
    (out,) = relay.relay(bare)
    assert to_ms(decode_record(out.key, out.value, out.headers, START + 10**9).time) == START


def test_ticks_and_what_was_decided_of_sources_go_everywhere_once(relay):
    state = encode_source_state(SourceState(source="crm", silent_since=None), time=from_ms(START), source="k", id="s")
    outs = [out for partition in range(OLD) for out in relay.relay(record(state, partition=partition))]
    outs += [out for partition in range(OLD) for out in relay.relay(tick(START, partition=partition))]
    assert [out.partition for out in outs] == 2 * list(range(NEW))
    assert relay.counts == {Fate.SOURCE_STATE: 1, Fate.TICK: 1, Fate.TICK_LEFT_OUT: OLD - 1}


def test_ticks_that_are_close_are_left_out_but_for_the_last(relay):
    times = [0, 500, 9_999, 10_000, 10_500, 11_000, 10_900]
    kept = [at_ms for at_ms in times if relay.relay(tick(START + at_ms))]
    assert kept == [0, 10_000]
    last = relay.last_tick()
    assert [out.partition for out in last] == list(range(NEW))
    assert to_ms(decode_record(None, last[0].value, last[0].headers, START).time) == START + 11_000
    assert relay.last_tick() == []
    assert relay.counts == {Fate.TICK: 3, Fate.TICK_LEFT_OUT: 4}


def test_a_copy_of_a_misrouted_record_is_left_out_and_one_of_another_log_is_not(relay):
    stray = record(encode_event(event("acme")), partition=murmur2_partition(b"acme", OLD) ^ 1)
    home = murmur2_partition(b"acme", OLD)
    for log, fate in (
        ("cluster/old/4", Fate.FORWARDED),
        ("cluster/old/8", Fate.FORWARDED),
        ("else/old/4", Fate.COPIED),
    ):
        copy = copy_of(stray, "old", log, to=home)
        relay.relay(MemoryRecord("old", home, 9, START, copy.key, copy.value, copy.headers))
        assert relay.counts[fate] >= 1
    assert relay.counts == {Fate.FORWARDED: 2, Fate.COPIED: 1}


def test_what_cannot_be_read_was_given_up_before(relay):
    ahead = event("acme", at_ms=START + 10**8)
    poison = MemoryRecord("old", 0, 1, START, b"acme", b"\xff", [])
    assert relay.relay(poison) == relay.relay(record(encode_event(ahead), partition=0)) == []
    assert relay.counts == {Fate.INVALID: 2}


class Log:
    """Partitions of records, read as a broker is."""

    def __init__(self, partitions):
        self.partitions = partitions
        self.reads = 0

    async def read(self, ranges):
        self.reads += 1
        for partition, bounds in ranges.items():
            for found in self.partitions[partition]:
                if bounds.start <= found.offset < bounds.end:
                    yield found


async def test_partitions_are_merged_by_time_and_each_keeps_its_order():
    # Offsets have holes, and the clock of partition 1 goes back once.
    times = {0: [5, 10, 10, 30], 1: [1, 20, 8, 25], 2: []}
    log = Log(
        {
            p: [MemoryRecord("old", p, 1500 * n, t, b"k", b"v", []) for n, t in enumerate(its)]
            for p, its in times.items()
        }
    )
    ranges = {0: Bounds(0, 6000), 1: Bounds(1, 6000), 2: Bounds(0, 0)}

    got = [(r.partition, r.timestamp) async for r in merged(log, ranges)]

    assert got == [(0, 5), (0, 10), (0, 10), (1, 20), (1, 8), (1, 25), (0, 30)]
    assert log.reads <= 2 * (6000 // PIECE)
