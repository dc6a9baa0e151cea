"""Records on the wrong partition, against in-memory twins: each is applied once, where its account is at home."""

import asyncio
import zlib
from dataclasses import dataclass, field

import pytest

from kenko.backtest.fold import OfflineFold
from kenko.dialects.cloudevents import encode_event
from kenko.engine.partitioning import murmur2_partition
from kenko.engine.scorer import Scorer
from kenko.store.memory_partition import Interruption, MemoryPartition
from kenko.stream.memory_log import MemoryLog
from kenko.stream.producer import MAX_REQUEST_BYTES, MemoryOutput
from schemas.base import from_ms
from schemas.dead_letter import DeadLetter
from schemas.usage_event import UsageEvent

PARTITIONS = 4
TOPIC = "kenko.usage-events.v1"
LOG = "test-log"


def home(account):
    return murmur2_partition(account.encode(), PARTITIONS)


def by_crc32(key):
    """As librdkafka's default partitioner does it."""
    return zlib.crc32(key) % PARTITIONS


class Kafka(MemoryOutput):
    """The twin of an output whose copies land in the partitions' logs. Can die in the middle of a list."""

    def __init__(self, logs):
        super().__init__()
        self.logs = logs
        self.copies = []
        self.dies_at = None

    async def send_in_order(self, records):
        for record in records:
            if record.topic != TOPIC:
                continue
            if self.dies_at is not None and len(self.copies) >= self.dies_at:
                self.dies_at = None
                raise asyncio.CancelledError
            self.copies.append(record)
            # LogAppendTime: later than the record that was read.
            at_ms = record.timestamp_ms + 60_000
            self.logs[record.partition].append(record.key, record.value, record.headers, timestamp=at_ms)
        await super().send_in_order([record for record in records if record.topic != TOPIC])


@dataclass
class Topic:
    """All partitions of the topic, each with a bench of its own; and the events that were put on any of them."""

    benches: list
    output: Kafka
    events: list = field(default_factory=list)
    at_ms: int = 0

    def produce(self, account, *, at_ms, partition=None, event_id=None):
        """By another partitioner than ours, unless a partition is given."""
        event = UsageEvent(
            id=event_id or f"e{len(self.events)}",
            source="api",
            account_id=account,
            event="Report Exported",
            time=from_ms(at_ms),
        )
        self.events.append(event)
        record = encode_event(event)
        partition = by_crc32(record.key) if partition is None else partition
        return partition, self.benches[partition].log.append(*record, timestamp=at_ms)

    def tick(self, at_ms):
        for bench in self.benches:
            bench.tick(at_ms)

    def story(self, start, day, accounts=40, events=150):
        for number in range(events):
            self.produce(f"account-{number * 7 % accounts}", at_ms=start + number * 6_000)
        self.at_ms = start + day

    async def settle(self, runners, **plan):
        """Feed all runners until all logs are applied to their ends. A runner that died is started again."""
        async with asyncio.timeout(30):
            while True:
                for number, bench in enumerate(self.benches):
                    if runners[number]._task.done():
                        runners[number] = self.runner(number, **plan)
                    runner = runners[number]
                    if runner.positioned.is_set() and (batch := bench.log.fetch(bench.fetch_limit)) is not None:
                        runner.deliver(batch, lambda: None)
                await asyncio.sleep(0)
                if all(
                    not r._task.done() and (r.fence_offset or 0) == b.log.end
                    for r, b in zip(runners, self.benches, strict=True)
                ):
                    return

    def runner(self, number, **plan):
        bench = self.benches[number]
        plan = {"commit_every": 1, **plan}
        return bench.runner(output=self.output, partition=number, partitions=PARTITIONS, **plan)

    async def run(self, **plan):
        """Lives of all runners: through what was produced, then through ticks that score all of it."""
        runners = [self.runner(number, **plan) for number in range(PARTITIONS)]
        await self.settle(runners, **plan)
        if self.at_ms:
            self.tick(self.at_ms)
            self.tick(self.at_ms + 86_400_000 * 5)
            await self.settle(runners, **plan)
        for runner in runners:
            await runner.stop(5)
        assert [failure for bench in self.benches for failure in bench.failures] == []

    def counts(self):
        total = {}
        for bench in self.benches:
            for name, count in bench.core.fence().counts.items():
                total[name] = total.get(name, 0) + count
        return total

    def rows(self):
        """Every row of every partition, as it is stored."""
        return [
            {a: row.state for a, row in bench.core.rows(sorted(bench.core.scores)).items()} for bench in self.benches
        ]

    def health(self):
        scorer = Scorer(self.benches[0].model)
        return {
            account: scorer.health(scorer.decode(account, state), bench.core.fence().now_ms)
            for bench, rows in zip(self.benches, self.rows(), strict=True)
            for account, state in rows.items()
        }

    def letters(self):
        return [DeadLetter.from_headers(list(r.headers)) for r in self.output.sent if r.topic == "dead-letters"]

    def agrees(self):
        """Every score, to the last field, is that of one fold over the unique events; each event was counted once."""
        fold = OfflineFold(self.benches[0].model, partitions=PARTITIONS)
        for event in self.events:
            fold.apply(event)
        fold.tick(self.at_ms)
        fold.tick(self.at_ms + 86_400_000 * 5)
        assert self.health() == {score.account_id: score for score in fold.scores()}
        counts, expected = self.counts(), fold.counts
        outcomes = ("applied", "duplicate", "too_late")
        assert {name: counts.get(name, 0) for name in outcomes} == {name: expected[name] for name in outcomes}
        assert sum(counts.get(name, 0) for name in outcomes) == len(self.events)
        for bench in self.benches:
            assert all(home(account) == bench.log.partition for account in bench.core.scores)


@pytest.fixture
def topic(another_bench):
    logs = [MemoryLog(TOPIC, number) for number in range(PARTITIONS)]
    topic = Topic([another_bench(log=log) for log in logs], Kafka(logs))
    yield topic
    for bench in topic.benches:
        for runner in bench.runners:
            if runner._task is not None:
                runner._task.cancel()


def misrouted(topic):
    return [event for event in topic.events if by_crc32(event.account_id.encode()) != home(event.account_id)]


@pytest.mark.parametrize("commit_every", [1, 10_000])
async def test_each_record_is_applied_once_and_where_its_account_is_at_home(topic, story, commit_every):
    topic.story(story.start, story.day)

    await topic.run(commit_every=commit_every, idle_commit_s=0.01)

    strays = misrouted(topic)
    assert len(strays) > len(topic.events) / 2
    topic.agrees()
    counts = topic.counts()
    assert counts["forwarded"] == len(strays) == len(topic.output.copies)
    assert "forwarded_duplicate" not in counts
    assert topic.letters() == []
    observed = [bench.observer.counts for bench in topic.benches]
    assert sum(c.get("forwarded", 0) for c in observed) == len(strays)


async def test_a_copy_is_the_record_and_where_it_stood(topic, story):
    account = next(f"a{n}" for n in range(100) if home(f"a{n}") == 2)
    topic.benches[3].log.skip(7)
    topic.produce(account, at_ms=story.start, partition=3)
    (read,) = topic.benches[3].log.records
    topic.at_ms = story.start + story.day

    await topic.run()

    (copy,) = topic.output.copies
    assert (copy.topic, copy.partition, copy.timestamp_ms) == (TOPIC, 2, story.start)
    assert (copy.key, copy.value) == (read.key, read.value)
    assert list(copy.headers) == [
        *read.headers,
        ("kenko.forwarded.log", b"test-log"),
        ("kenko.forwarded.partition", b"3"),
        ("kenko.forwarded.offset", b"7"),
        ("kenko.forwarded.timestamp", str(story.start).encode()),
    ]
    assert topic.benches[2].core.fence().forwarded == {3: 7}
    topic.agrees()


async def test_traits_and_overrides_are_forwarded_like_events(topic, story):
    for bench in topic.benches:  # each of them in every partition: three wrong ones and the right one
        bench.serial = 1000 * bench.log.partition
        bench.event("acme", at_ms=story.start, event_id="once")
        bench.traits("acme", at_ms=story.start, seats=bench.log.partition)
        bench.override("acme", at_ms=story.start + bench.log.partition, score=10.0 * bench.log.partition)
    topic.at_ms = story.start + story.day

    await topic.run()

    assert topic.counts()["forwarded"] == 9
    assert (topic.counts()["applied"], topic.counts()["duplicate"]) == (9, 3)
    assert [dict(rows).keys() for rows in topic.rows()] == [
        {"acme": 0}.keys() if number == home("acme") else {}.keys() for number in range(PARTITIONS)
    ]
    assert topic.health()["acme"].score == 30.0


@pytest.mark.parametrize("dies_at", [0, 1, 2, 7, 20, 50, 80])
async def test_a_crash_between_two_copies_loses_none_and_doubles_none(topic, story, dies_at):
    topic.story(story.start, story.day)
    topic.output.dies_at = dies_at

    await topic.run(commit_every=10_000, idle_commit_s=0.01)

    assert topic.output.dies_at is None, "it died"
    topic.agrees()
    assert topic.counts()["forwarded"] == len(misrouted(topic))


@pytest.mark.parametrize("at", list(Interruption))
@pytest.mark.parametrize("source", [0, 2])
async def test_a_commit_that_stops_half_way_is_repeated(topic, story, at, source):
    topic.story(story.start, story.day)
    for bench in topic.benches:
        bench.fetch_limit = 11
    topic.benches[source].core.interrupt_next_commit(at)

    await topic.run()

    topic.agrees()


@pytest.mark.parametrize("dies_at", [13, 55])
async def test_copies_written_again_after_a_crash_are_dropped_and_counted(topic, story, dies_at):
    """The copies are in the log, the fence is not where they are."""
    topic.story(story.start, story.day)
    topic.output.dies_at = dies_at

    await topic.run(commit_every=10_000, idle_commit_s=0.01)

    strays = len(misrouted(topic))
    again = len(topic.output.copies) - strays
    assert again > 0
    assert topic.counts()["forwarded_duplicate"] == again
    topic.agrees()


async def test_a_replay_into_an_empty_store_gives_the_same_rows_and_each_copy_once_more(topic, story):
    topic.story(story.start, story.day)
    await topic.run()
    rows, strays = topic.rows(), len(misrouted(topic))
    ends = [bench.log.end for bench in topic.benches]

    for replays in (1, 2):
        topic.output.copies.clear()
        topic.at_ms, at_ms = 0, topic.at_ms  # the ticks are in the log
        for bench in topic.benches:
            bench.core = MemoryPartition()
            await bench.log.seek(0)
        await topic.run()
        topic.at_ms = at_ms

        assert topic.rows() == rows
        topic.agrees()
        assert len(topic.output.copies) == strays
        assert topic.counts()["forwarded_duplicate"] == replays * strays
        assert sum(bench.log.end for bench in topic.benches) == sum(ends) + replays * strays


@pytest.mark.parametrize("emptied", range(PARTITIONS))
async def test_one_partition_whose_store_was_lost_comes_back_the_same(topic, story, emptied):
    topic.story(story.start, story.day)
    await topic.run()
    rows = topic.rows()

    topic.at_ms, at_ms = 0, topic.at_ms
    topic.benches[emptied].core = MemoryPartition()
    await topic.benches[emptied].log.seek(0)
    await topic.run()
    topic.at_ms = at_ms

    assert topic.rows() == rows
    topic.agrees()


async def test_a_zombie_writes_its_copies_again_and_nothing_counts_twice(topic, story):
    """Two runners of one partition with the same batch in hand: one fence, two rows of copies."""
    topic.story(story.start, story.day)
    bench = topic.benches[0]
    zombie = topic.runner(0, commit_every=10_000, idle_commit_s=0.2)
    await asyncio.wait_for(zombie.positioned.wait(), 5)
    zombie.deliver(bench.log.fetch(1000), lambda: None)
    await bench.until(zombie, lambda: zombie.next_offset == bench.log.end)
    assert zombie.fence_offset is None, "all of it is in memory only"

    await bench.log.seek(0)
    successor = topic.runner(0)
    await bench.until(successor, lambda: successor.fence_offset == bench.log.end)
    await successor.stop(5)
    copies = len(topic.output.copies)
    await bench.until(zombie, lambda: bench.observer.refusals == 1)
    await zombie.stop(5)
    assert len(topic.output.copies) == 2 * copies > 0

    await topic.run()
    topic.agrees()
    assert topic.counts()["forwarded_duplicate"] == copies


ELSEWHERE = (home("acme") + 1) % PARTITIONS
ELSEWHERE_TOO = (home("acme") + 2) % PARTITIONS


async def test_forwarded_and_still_wrong_is_a_dead_letter_that_moves_nothing(topic, copies, story):
    record = copies.copied(copies.a_record(partition=ELSEWHERE_TOO), to=ELSEWHERE)
    topic.benches[ELSEWHERE].log.append(record.key, record.value, record.headers, timestamp=record.timestamp)
    topic.story(story.start, story.day)

    await topic.run()

    (letter,) = topic.letters()
    assert (letter.reason, letter.partition, letter.offset) == ("misrouted", ELSEWHERE, 0)
    assert f"partition {home('acme')} of {PARTITIONS}" in letter.message
    assert "KENKO_PARTITIONS" in letter.message
    assert topic.counts()["dead_lettered.misrouted"] == 1
    assert "acme" not in topic.health()
    topic.agrees()  # its headers made nobody drop a true copy


async def test_copies_of_another_log_are_records_like_any_other(topic, copies, story):
    """Mirrored from another cluster, headers and all: the offsets in them mean nothing here."""
    wrong = copies.copied(copies.a_record(partition=ELSEWHERE_TOO, offset=10**9), to=ELSEWHERE, log="elsewhere/usage/4")
    right = copies.copied(
        copies.a_record("globex", partition=(home("globex") + 1) % 4), to=home("globex"), log="elsewhere/usage/4"
    )
    for record in (wrong, right):
        log = topic.benches[record.partition].log
        log.append(record.key, record.value, record.headers, timestamp=record.timestamp)
    topic.at_ms = story.start + story.day

    await topic.run()

    assert set(topic.health()) == {"acme", "globex"}
    (copy,) = topic.output.copies
    assert [value for name, value in copy.headers if name.startswith("kenko.forwarded.")] == [
        *(LOG.encode(), str(ELSEWHERE).encode(), b"0", str(wrong.timestamp).encode())
    ]
    assert topic.benches[home("acme")].core.fence().forwarded == {ELSEWHERE: 0}


async def test_what_our_headers_would_make_too_large_is_a_dead_letter_and_what_follows_flows(topic, copies, story):
    large = copies.a_record(partition=ELSEWHERE, headers=[("trace", b"t" * (MAX_REQUEST_BYTES - 400))])
    topic.benches[ELSEWHERE].log.append(large.key, large.value, large.headers, timestamp=large.timestamp)
    topic.story(story.start, story.day)

    await topic.run()

    (letter,) = topic.letters()
    assert letter.reason == "too_large"
    assert "partitioner=murmur2_random" in letter.message
    topic.agrees()
