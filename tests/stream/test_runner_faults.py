"""The runner when the store, Kafka or the process fails: what comes out is still the plain fold of the log."""

import asyncio
import copy

import pytest

from kenko.runtime.errors import ConfigurationError, PermanentError, TransientError
from kenko.store.memory_partition import Interruption, MemoryPartitionStore
from kenko.store.port import Fence, PartitionCommit
from kenko.stream.producer import by_partition


async def test_a_refused_commit_drops_everything_and_goes_on_from_the_fence(bench, story):
    """A zombie: another runner has passed it. Its commit changes nothing, and it goes on behind the other's fence."""
    bench.story(days=6)
    zombie = bench.runner(commit_every=1)
    await asyncio.wait_for(zombie.positioned.wait(), 5)
    committed = asyncio.Event()
    zombie.deliver(bench.log.fetch(4), committed.set)
    await asyncio.wait_for(committed.wait(), 5)

    await bench.run_to_end()  # another one takes over and runs to the end
    there = bench.state()

    await bench.log.seek(4)  # the zombie wakes where it stood
    bench.event(at_ms=story.start + 6 * story.day)
    bench.tick(story.start + 7 * story.day)
    await bench.until(zombie, lambda: bench.core.fence().offset == bench.log.end)
    await zombie.stop(5)

    assert bench.observer.refusals == 1
    assert bench.state() != there
    story.agrees(bench)


async def test_an_emptied_store_is_rebuilt_from_the_log(bench, story):
    bench.story()
    runner = bench.runner()
    await bench.settle(runner)
    bench.core.clear()
    bench.event(at_ms=story.start + 12 * story.day)
    bench.tick(story.start + 13 * story.day)

    await bench.until(runner, lambda: bench.core.fence() is not None and bench.core.fence().offset == bench.log.end)

    assert bench.observer.refusals == 1
    story.agrees(bench)


@pytest.mark.parametrize("at", list(Interruption))
async def test_a_commit_that_stops_half_way_is_repeated(bench, story, at):
    bench.story()
    runner = bench.runner()
    bench.fetch_limit = 4
    await bench.until(runner, lambda: runner.next_offset and runner.next_offset > 12)
    bench.core.interrupt_next_commit(at)

    await bench.settle(runner)
    await runner.stop(5)

    story.agrees(bench)


class FallingBack(MemoryPartitionStore):
    """Redis comes back older just before rows are read for a tick: what is read is older than the working set."""

    def __init__(self, core):
        super().__init__(core)
        self.older = None

    async def due(self, until_ms, limit):
        if self.older is not None:
            self.partition, self.older = self.older, None
        return await super().due(until_ms, limit)


async def test_nothing_is_told_of_what_was_read_from_an_older_store(bench, story):
    """Its commit would be refused, but the outputs go before it: a false alert for an account whose rows are not in memory."""
    for day in range(3):
        bench.event("acme", at_ms=story.start + day * story.day)
        bench.tick(story.start + day * story.day + story.hour)
    store = FallingBack(bench.core)
    runner = bench.runner(store=store, max_rows=1, commit_every=1)
    await bench.settle(runner)
    older = copy.deepcopy(bench.core)
    for day in range(3, 14):  # it falls silent and enters red, which the older store does not know
        bench.event("globex", at_ms=story.start + day * story.day)  # takes acme's place in the working set
        bench.tick(story.start + day * story.day + story.hour)
    await bench.until(runner, lambda: bench.core.fence().offset == bench.log.end)

    store.older = older
    bench.event("globex", at_ms=story.start + 14 * story.day)
    bench.tick(story.start + 14 * story.day + story.hour)
    await bench.until(runner, lambda: store.partition.fence().offset == bench.log.end)
    await runner.stop(5)

    assert bench.observer.refusals == 1
    bench.core = store.partition
    story.agrees(bench)


class CrashingStore(MemoryPartitionStore):
    """Its nth commit never comes: the process dies between the outputs and the fence."""

    def __init__(self, core, nth):
        super().__init__(core)
        self.left = nth

    async def commit(self, commit):
        self.left -= 1
        if self.left == 0:
            raise asyncio.CancelledError
        return await super().commit(commit)


@pytest.mark.parametrize("nth", range(1, 14))
async def test_a_crash_between_outputs_and_fence_repeats_the_same_ids(bench, story, nth):
    bench.story()
    bench.fetch_limit = 4
    dead = bench.runner(store=CrashingStore(bench.core, nth), commit_every=1)
    await bench.until(dead, dead._task.done)
    before = [t.id for t in bench.transitions()]

    await bench.run_to_end()

    sent, transitions = story.agrees(bench)
    ids = [t.id for t in sent]
    assert set(before) <= {t.id for t in transitions}  # what a crash repeats was right the first time
    assert len(ids) - len(set(ids)) <= len(before)
    by_id = {}
    for transition in sent:
        assert by_id.setdefault(transition.id, transition) == transition  # to the last field


class CrashingOutput:
    """At its nth list the process dies, with half of it written."""

    def __init__(self, output, nth):
        self.output, self.left = output, nth

    async def send(self, records):
        self.left -= bool(records)
        if records and not self.left:
            await self.output.send(records[: len(records) // 2])
            raise asyncio.CancelledError
        return await self.output.send(records)

    async def send_in_order(self, records):
        await self.send(records)


@pytest.mark.parametrize("nth", range(1, 5))
async def test_a_crash_while_outputs_are_written_loses_none(bench, story, nth):
    bench.story()
    bench.fetch_limit = 4
    dead = bench.runner(output=CrashingOutput(bench.output, nth), commit_every=1)
    await bench.until(dead, dead._task.done)

    await bench.run_to_end()

    story.agrees(bench)


class HalfWrittenOutput:
    """In each of the first tries every partition takes a part of its records only."""

    def __init__(self, output, failures):
        self.output, self.failures = output, failures

    async def send(self, records):
        raise AssertionError(f"{len(records)} records that may overtake each other")

    async def send_in_order(self, records):
        if records and self.failures:
            self.failures -= 1
            for part in by_partition(records).values():
                await self.output.send_in_order(part[: len(part) * self.failures // 4])
            raise TransientError("no broker")
        await self.output.send_in_order(records)


async def test_outputs_of_an_account_never_overtake_each_other_though_tries_fail_half_way(bench, story):
    bench.story()
    bench.poison(key=None)

    await bench.run_to_end(output=HalfWrittenOutput(bench.output, failures=4), commit_every=10**6)

    told = [transition.offset for transition in bench.transitions() if transition.account_id == "acme"]
    news = [offset for at, offset in enumerate(told) if offset > max(told[:at], default=-1)]
    assert news == sorted(set(told)), "the alerter drops what is not above the last, and has missed none"
    assert len(told) > len(news) > 1
    story.agrees(bench)


class AwayOutput:
    """Kafka away for the first tries."""

    def __init__(self, output, failures):
        self.output, self.failures = output, failures

    async def send(self, records):
        if records and self.failures:
            self.failures -= 1
            raise TransientError("no broker")
        return await self.output.send(records)

    async def send_in_order(self, records):
        await self.send(records)


async def test_kafka_away_is_waited_out_and_nothing_is_skipped(bench, story):
    bench.story()

    await bench.run_to_end(output=AwayOutput(bench.output, failures=5))

    story.agrees(bench)


class RefusingOutput:
    async def send(self, records):
        if records:
            raise PermanentError("topic authorization failed", reason="kafka_authorization")

    async def send_in_order(self, records):
        await self.send(records)


async def test_what_no_waiting_mends_ends_the_runner_and_leaves_the_fence(bench):
    bench.story()
    runner = bench.runner(output=RefusingOutput())

    await bench.settle(runner)
    await runner.stop(5)

    assert [type(error) for error in bench.failures] == [PermanentError]
    assert bench.core.fence() is None


@pytest.mark.parametrize("other", [{"log_id": "other-log", "offset": 3}, {"log_id": "test-log", "offset": 900}])
async def test_another_or_a_shorter_log_is_refused_with_what_to_do(bench, other):
    bench.story()
    bench.core.commit(PartitionCommit(expected=None, fence=Fence(**other)))
    runner = bench.runner()

    await bench.settle(runner)

    (error,) = bench.failures
    assert isinstance(error, ConfigurationError)
    assert "KENKO_REDIS_PREFIX" in str(error)
    assert bench.core.fence().offset == other["offset"]


async def test_a_batch_is_acknowledged_after_its_commit(bench):
    """What Faust was told is done is committed to Kafka: it must be done."""
    bench.story(days=2)
    runner = bench.runner(commit_every=1)
    await asyncio.wait_for(runner.positioned.wait(), 5)
    fences = []
    acknowledged = asyncio.Event()

    def done():
        fences.append(bench.core.fence())
        acknowledged.set()

    batch = bench.log.fetch(4)
    runner.deliver(batch, done)
    await asyncio.wait_for(acknowledged.wait(), 5)
    await runner.stop(5)

    assert [fence and fence.offset for fence in fences] == [batch.end]
