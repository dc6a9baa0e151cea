"""The reader with its runners, and the ticks it is given."""

import asyncio
from types import SimpleNamespace

import pytest

from kenko.dialects.cloudevents import decode_record
from kenko.stream.producer import MemoryOutput
from kenko.stream.reader import PartitionReader
from kenko.stream.ticks import TickWriter
from schemas.base import to_ms

START_MS = 1_700_000_000_000


class StuckStore:
    """Redis does not answer."""

    async def fence(self):
        await asyncio.Event().wait()


class IntoLogs(MemoryOutput):
    """What is sent stands in the logs of the benches too, and is read from there."""

    def __init__(self, reader, benches):
        super().__init__()
        self.reader = reader
        self.benches = benches

    async def send(self, records):
        await super().send(records)
        return [self.benches[r.partition].log.append(r.key, r.value, r.headers, timestamp=START_MS) for r in records]

    async def settle(self):
        for partition, runner in self.reader.owned():
            await self.benches[partition].settle(runner)


class Event(SimpleNamespace):
    """A Faust event with a batch."""

    def ack(self):
        self.acked = True


@pytest.fixture
def make(another_bench):
    """A reader over benches, one a partition."""

    def make(**options):
        benches = {p: another_bench() for p in range(3)}
        reader = PartitionReader(
            "kenko.usage-events.v1",
            lambda p: benches[p].runner(**options.get("runner", {})),
            benches[0].observer,
            position_limit_s=options.get("limit", 5),
        )
        return reader, benches

    return make


async def test_assigned_partitions_stand_at_their_fences(make):
    reader, benches = make()
    benches[1].log.forget_below(5)
    assert not reader.all_positioned

    assert await reader.positions({0, 1}) == {0: 0, 1: 5}

    assert reader.all_positioned
    assert [p for p, _ in reader.owned()] == [0, 1]
    assert reader.fence(0) is None
    assert await reader.positions({1, 2}) == {1: 5, 2: 0}
    assert [p for p, _ in reader.owned()] == [1, 2]
    await reader.drain(5)


async def test_a_partition_that_is_not_to_be_read_is_passed_over(make):
    """Somebody added some to the topic; whoever makes the runners ends the process."""
    reader, benches = make()
    benches[7] = SimpleNamespace(runner=lambda: None)

    assert await reader.positions({0, 7}) == {0: 0}

    event = Event(value=SimpleNamespace(partition=7))
    reader.deliver(event)
    assert event.acked
    assert reader.fence(7) is None
    await reader.drain(5)


async def test_a_late_fence_holds_its_partition_back_and_nothing_else(make):
    reader, benches = make(limit=0.01, runner={"store": StuckStore()})

    assert await reader.positions({0}) == {}

    assert benches[0].log.held
    assert not reader.all_positioned
    assert reader.behind({0: 3}) == {0: -1}
    await reader.revoked({0})


async def test_a_batch_for_a_partition_that_left_is_given_back(make):
    reader, benches = make()
    benches[0].story()
    event = Event(value=benches[0].log.fetch())

    reader.deliver(event)

    assert event.acked


async def test_ticks_go_where_something_arrived(make, story):
    reader, benches = make()
    await reader.positions({0, 1})
    output = IntoLogs(reader, benches)
    clock = benches[0].clock
    ticks = TickWriter(
        reader=reader, output=output, topic="events", interval_ms=500, clock=clock, observer=benches[0].observer
    )
    now = story.start

    await ticks.write(now)  # just taken over: both are told the time
    assert [r.partition for r in output.sent] == [0, 1]
    assert reader.behind(ticks.last_offsets) == {0: 0, 1: 0}
    await output.settle()
    await ticks.write(now + 500)
    assert len(output.sent) == 2
    assert reader.behind(ticks.last_offsets) == {}

    benches[1].event(at_ms=now)
    await output.settle()
    await ticks.write(now + 900)
    (tick,) = output.sent[2:]

    assert (tick.topic, tick.key, tick.partition) == ("events", None, 1)
    assert to_ms(decode_record(tick.key, tick.value, tick.headers, now).time) == now + 900
    await output.settle()
    await ticks.write(now + 1400)
    assert len(output.sent) == 3  # it was told
    await ticks.write(now + 61_000)
    assert sorted(r.partition for r in output.sent[3:]) == [0, 1]  # a minute later time goes on all the same
    await reader.drain(5)


async def test_an_account_that_is_due_gets_its_tick(make, story):
    reader, benches = make()
    bench = benches[0]
    bench.event(at_ms=story.start)
    bench.tick(story.start + story.hour)
    await reader.positions({0})
    runner = dict(reader.owned())[0]
    await bench.until(runner, lambda: runner.fence_offset == bench.log.end)
    output = MemoryOutput()
    ticks = TickWriter(
        reader=reader, output=output, topic="t", interval_ms=500, clock=bench.clock, observer=bench.observer
    )
    due = bench.core.next_due()
    await ticks.write(due - 2000)
    output.sent.clear()

    assert runner.next_due_ms == due
    await ticks.write(due - 1)
    assert output.sent == []
    await ticks.write(due)
    assert len(output.sent) == 1
    await reader.drain(5)


async def test_the_offset_shown_to_kafka_is_the_fence(make, story):
    """Never what is applied and not committed: a monitor would see no lag where a crash has to read again."""
    reader, benches = make()
    bench = benches[0]
    await reader.positions({0})
    runner = dict(reader.owned())[0]
    bench.event(at_ms=story.start)
    bench.event(at_ms=story.start)

    await bench.settle(runner)  # no tick came: nothing is committed yet
    assert (runner.next_offset, reader.fence(0), bench.core.fence()) == (2, None, None)

    bench.tick(story.start + story.hour)
    await bench.until(runner, lambda: bench.core.fence() is not None)
    await bench.until(runner, lambda: runner.fence_offset == bench.core.fence().offset)
    assert reader.fence(0) == 3
    await reader.drain(5)
