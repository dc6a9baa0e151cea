"""An emptied store, made anew from snapshots and log: what it holds is what it held, and nobody is told twice."""

import asyncio
from itertools import accumulate

import pytest

from kenko.engine.identity import event_digest
from kenko.engine.recent_ids import RecentIds
from kenko.engine.restoring import row_offset
from kenko.engine.rows import Row
from kenko.runtime.errors import PermanentError
from kenko.store.memory_partition import MemoryPartitionStore
from kenko.store.port import Fence
from kenko.store.rebuild_memory import MemoryRebuildStore
from kenko.stream.state_records import MAX_PARTS, StateTopic, content_of, read_part, row_in
from schemas.transition import Transition

ACCOUNTS = ("acme", "globex", "initech", "hooli", "umbrella")
BUDGET = 2
"""Below the accounts that are due at once: at which tick one is scored depends on all the others."""


def write_story(bench, story, forgets_on=None):
    """Ten days: use that ends, repeats, traits, an override, a silent source, what is late or broken; a forget perhaps."""
    for day in range(10):
        start = story.start + day * story.day
        for number, account in enumerate(ACCOUNTS):
            if day < 4 + number % 3:
                bench.event(account, at_ms=start + number * story.hour, event_id=f"{account}-{day}")
        if day % 3 == 1:
            bench.traits(at_ms=start, seats=day + 3)
            bench.event("acme", at_ms=start - 80 * story.day)
        if day == 3:
            bench.override("globex", at_ms=start, score=20, until_ms=start + 3 * story.day)
            bench.source_state("api", at_ms=start, since_ms=start)
            bench.poison()
        if day == 5:
            bench.source_state("api", at_ms=start, since_ms=None)
        if day == forgets_on:
            bench.forget("hooli", at_ms=start)
            bench.event("hooli", at_ms=start)
        for hour in (1, 9, 17, 18):
            bench.tick(start + hour * story.hour)
            if day < 8:  # repeats: of this day, and of the day before
                bench.event("acme", at_ms=start, event_id=f"acme-{min(day, 3)}")
                bench.event("acme", at_ms=start, event_id=f"acme-{max(0, day - 1)}")
    # As the broker stamps them: what was heard of sources is noted by the hour, over the records of a batch.
    stamps = accumulate((record.timestamp for record in bench.log.records), max)
    bench.log.records = [r._replace(timestamp=at_ms) for r, at_ms in zip(bench.log.records, stamps, strict=True)]


def held(bench):
    """All that the store holds, in a form that does not depend on where commits were."""
    core, fence = bench.core, bench.core.fence()
    rows = {account: row for account, row in core.rows([*ACCOUNTS]).items() if row}
    digests = {event_digest("api", f"{account}-{day}") for account in ACCOUNTS for day in range(10)}
    known = {}
    for account, row in rows.items():
        ids = RecentIds(row.ids, row.tail, row_offset=row_offset(row.state))
        known[account] = {digest for digest in digests if not ids.add(digest, 1 << 40, fence.now_ms)}
    return {
        "fence": (fence.offset, fence.now_ms, dict(fence.counts), fence.silent, fence.heard, fence.forwarded),
        "rows": {account: row.state for account, row in rows.items()},
        "ids": known,
        "due": core.due(1 << 50, 1000),
        "scores": core.scores,
        "forgotten": core.forgotten(),
    }


def told(bench):
    """Every transition by its id; a repeat has to be the same."""
    found = {}
    for transition in bench.transitions():
        assert found.setdefault(transition.id, transition) == transition
    return found


@pytest.fixture(scope="module")
def lived():
    """The same story with a store that was never lost; made once."""
    return {}


@pytest.fixture
async def never_lost(another_bench, story, lived):
    if not lived:
        bench = lived["bench"] = another_bench()
        write_story(bench, story)
        await bench.run_to_end(due_budget=BUDGET)
    return lived["bench"]


@pytest.fixture
async def bench(another_bench, story):
    bench = as_it_comes(another_bench(), story)
    yield bench
    for runner in bench.runners:
        await runner.stop(0)


def as_it_comes(bench, story, **parts):
    """The story, and nothing of it stands in the log yet."""
    write_story(bench, story, **parts)
    bench.to_come, bench.log.records, bench.log.end = bench.log.records, [], 0
    return bench


def marked(bench):
    """Offsets of the markers, in order."""
    topic = StateTopic("account-state", "small-12345678", 0)
    records = [r for r in bench.output.sent if r.topic == "account-state"]
    return [m.offset for r in records if (m := topic.read_marker(r.key, r.value))]


async def live(bench, runner, offset):
    """Records come a few at a time, up to `offset`, and each time all is committed."""
    while bench.log.end < offset:
        bench.log.end = min(offset, bench.log.end + 2)
        bench.log.records = [r for r in bench.to_come if bench.log.start <= r.offset < bench.log.end]
        await bench.until(runner, lambda: runner.fence_offset == bench.log.end)
    await bench.until(runner, lambda: runner.fence_offset == offset)


async def applied_to(bench, offset, **parts):
    """A runner that has committed everything below `offset`, snapshots going on."""
    runner = bench.runner(commit_every=1, due_budget=BUDGET, **parts)
    await live(bench, runner, offset)
    return runner


async def to_the_end(bench, **parts):
    """Another runner, from where the store stands to the end."""
    runner = await applied_to(bench, bench.to_come[-1].offset + 1, **parts)
    await runner.stop(5)


MOMENTS = [*range(1, 100, 7)]


@pytest.mark.parametrize("retention", [False, True], ids=["whole-log", "cut-log"])
@pytest.mark.parametrize("lost_at", MOMENTS)
async def test_rebuilt_from_snapshots_it_is_as_if_it_had_never_been_lost(bench, never_lost, lost_at, retention):
    runner = await applied_to(bench, lost_at, snapshots=bench.snapshots())
    marker = max(marked(bench), default=0)
    sent_before = told(bench)
    bench.log.committed = max(0, lost_at - 3)  # it follows
    if retention:
        bench.log.forget_below(marker)
    bench.core.clear()

    await live(bench, runner, bench.to_come[-1].offset + 1)
    await runner.stop(5)

    assert held(bench) == held(never_lost)
    assert told(bench) == told(never_lost)
    assert sent_before.keys() <= told(bench).keys()
    assert [kind for kind, _ in bench.observer.rebuilds] == (["snapshots"] if marker else ["log"] * (lost_at > 3))


@pytest.mark.parametrize("lost_at", MOMENTS[1:])
async def test_rebuilt_from_the_log_alone_it_tells_only_what_was_not_told(bench, never_lost, lost_at):
    runner = await applied_to(bench, lost_at)
    sent_before = len(bench.output.sent)
    bench.log.committed = lost_at - 3
    bench.core.clear()

    await live(bench, runner, bench.to_come[-1].offset + 1)
    await runner.stop(5)

    assert held(bench) == held(never_lost)
    assert told(bench) == told(never_lost)
    again = [
        r
        for r in bench.output.sent[sent_before:]
        if r.topic == "transitions" and r.key and r.headers[0][0] != "ce_type"
    ]
    assert all(Transition.model_validate_json(r.value).offset >= bench.log.committed for r in again)
    assert bench.observer.rebuilds == [("log", 0)]


async def test_a_set_was_whole_and_every_row_in_it_is_of_its_fence(bench):
    """The store goes on while the set is written, so most rows in it are no longer in the store."""
    await applied_to(bench, 100, snapshots=bench.snapshots())

    assert len(marked(bench)) >= 3
    assert set(bench.observer.sets) == {"whole"}
    topic = StateTopic("account-state", "small-12345678", 0)
    rows = [r for r in bench.output.sent if r.topic == "account-state" and topic.row_of(r.key)]
    for part in (read_part(record.value) for record in rows):
        assert row_offset(row_in(content_of([part.share])).state) < part.fence
    now = bench.core.rows(ACCOUNTS)
    assert not {row.state for row in now.values() if row} <= {
        row_in(content_of([read_part(r.value).share])).state for r in rows
    }


class DyingStore(MemoryRebuildStore):
    """At its nth call that writes, the process dies."""

    def __init__(self, partition, nth):
        super().__init__(partition)
        self.left = nth

    async def restore(self, rows):
        self._count()
        return await super().restore(rows)

    async def note_forgotten(self, digests):
        self._count()
        await super().note_forgotten(digests)
        self._count()

    def _count(self):
        self.left -= 1
        if self.left == 0:
            raise asyncio.CancelledError


@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_a_crash_in_a_rebuild_counts_for_nothing(bench, never_lost, nth):
    await (await applied_to(bench, 70, snapshots=bench.snapshots())).stop(5)
    bench.log.committed = 69
    bench.log.forget_below(max(marked(bench)))
    bench.core.clear()
    dying = bench.runner(due_budget=BUDGET, snapshots=bench.snapshots(accounts=DyingStore(bench.core, nth)))
    await bench.until(dying, dying._task.done)
    assert bench.core.fence() is None

    await to_the_end(bench, snapshots=bench.snapshots())

    assert held(bench) == held(never_lost)
    assert told(bench) == told(never_lost)


async def test_a_crash_behind_the_rebuilt_fence_goes_on_as_silently(bench, never_lost):
    """The committed offset stays where it was told to, though the fence stands before it."""
    await (await applied_to(bench, 70)).stop(5)
    bench.log.committed = 70
    bench.core.clear()
    sent = len(bench.output.sent)
    rebuilding = bench.runner(commit_every=1, due_budget=BUDGET)
    await bench.until(rebuilding, lambda: (rebuilding.fence_offset or 0) > 40)
    await rebuilding.stop(5)
    assert bench.core.fence().offset < 70
    assert rebuilding.told_below == 70
    assert bench.output.sent[sent:] == []

    await to_the_end(bench)

    assert held(bench) == held(never_lost)
    assert len(bench.transitions()) == len(told(never_lost))
    assert bench.observer.rebuilds == [("log", 0), ("older", 0)]


async def test_an_offset_committed_for_another_log_silences_nothing(bench, never_lost):
    bench.log.committed = 10_000

    await to_the_end(bench)

    assert told(bench) == told(never_lost)
    assert bench.observer.rebuilds == []


async def test_an_emptied_store_is_noticed_though_nothing_comes(bench, never_lost):
    runner = await applied_to(bench, bench.to_come[-1].offset + 1, snapshots=bench.snapshots(), idle_commit_s=0.01)
    assert marked(bench)
    bench.log.committed = bench.log.end
    bench.core.clear()

    await bench.until(runner, lambda: bench.core.fence() is not None and bench.core.fence().offset == bench.log.end)

    assert held(bench) == held(never_lost)
    assert len(bench.transitions()) == len(told(never_lost))
    (rebuilt,) = bench.observer.rebuilds
    assert rebuilt == ("snapshots", len(ACCOUNTS))


async def test_a_set_that_was_begun_before_the_store_was_emptied_gets_no_marker(bench):
    """Half of it was read from a store that no longer is: the rest of an empty one would be nothing at all."""
    walking = bench.snapshots(pause_s=60.0)
    runner = await applied_to(bench, 40, snapshots=walking)
    assert not marked(bench), "the first row is written, the second one after a pause"
    bench.core.clear()

    await live(bench, runner, bench.to_come[-1].offset + 1)
    await runner.stop(5)

    assert not marked(bench)


class GatedOutput:
    """What is sent waits before the gate."""

    def __init__(self, output):
        self.output, self.gate = output, asyncio.Event()

    async def send(self, records):
        await self.gate.wait()
        return await self.output.send(records)


async def test_a_zombies_set_gets_no_marker_and_its_rows_do_no_harm(bench, never_lost):
    gated = GatedOutput(bench.output)
    zombie = await applied_to(bench, 30, snapshots=bench.snapshots(output=gated))
    owner = await applied_to(bench, 70, snapshots=bench.snapshots())
    await owner.stop(5)
    whole = marked(bench)
    sent, refusals = len(bench.output.sent), bench.observer.refusals
    gated.gate.set()
    await bench.until(zombie, lambda: zombie._snapshots._walk.is_through)
    assert {r.topic for r in bench.output.sent[sent:]} == {"account-state"}, "it writes behind the whole set"
    await bench.log.seek(30)
    await bench.until(zombie, lambda: bench.observer.refusals > refusals)
    await zombie.stop(5)
    assert marked(bench) == whole

    bench.core.clear()
    bench.log.committed = 70
    bench.log.forget_below(max(whole))
    await to_the_end(bench, snapshots=bench.snapshots())

    assert held(bench) == held(never_lost)
    assert told(bench) == told(never_lost)


async def test_a_set_with_a_row_lost_is_not_taken(bench, never_lost):
    """A zombie's older row stood over a newer one for so long that compaction took the newer one."""
    await (await applied_to(bench, 70, snapshots=bench.snapshots(every_ms=1 << 40))).stop(5)
    (marker,) = marked(bench)
    topic = StateTopic("account-state", "small-12345678", 0)
    await bench.output.send(topic.rows("acme", Row(b"as it was", []), marker - 1))
    bench.aside.compact()
    bench.core.clear()
    bench.log.committed = 70

    await to_the_end(bench, snapshots=bench.snapshots())

    assert bench.observer.rebuilds == [("log", 0)]
    assert told(bench) == told(never_lost)
    assert held(bench)["rows"].keys() == held(never_lost)["rows"].keys()


async def test_rows_of_a_later_set_that_was_cut_off_are_taken_where_nothing_else_is_left(bench, never_lost):
    """Compaction took what they stand over. They are ahead of the fence, as rows of a commit that was cut off."""
    runner = await applied_to(bench, 40, snapshots=bench.snapshots(every_ms=1 << 40))
    await runner.stop(5)
    await (await applied_to(bench, 70, snapshots=bench.snapshots(pause_s=60.0))).stop(5)
    (marker,) = marked(bench)
    bench.aside.compact()
    bench.core.clear()
    bench.log.committed = 70
    bench.log.forget_below(marker)

    await to_the_end(bench, snapshots=bench.snapshots())

    assert bench.observer.rebuilds[0][0] == "snapshots"
    assert held(bench)["rows"].keys() == held(never_lost)["rows"].keys()
    counts, expected = held(bench)["fence"][2], held(never_lost)["fence"][2]
    outcomes = ("applied", "duplicate", "too_late", "forgotten", "already")
    assert sum(counts.get(o, 0) for o in outcomes) == sum(expected.get(o, 0) for o in outcomes)


@pytest.mark.parametrize("day", [1, 4], ids=["before-the-set", "after-it"])
async def test_a_forgotten_account_has_tombstones_and_does_not_come_back(another_bench, story, day):
    never_lost = another_bench()
    write_story(never_lost, story, forgets_on=day)
    await never_lost.run_to_end(due_budget=BUDGET)
    bench = as_it_comes(another_bench(), story, forgets_on=day)
    runner = await applied_to(bench, 50, snapshots=bench.snapshots(piece=9))
    marker = max(marked(bench))
    runner._snapshots._not_before_ms = 1 << 50  # it stays the newest
    await live(bench, runner, bench.to_come[-1].offset + 1)
    await runner.stop(5)
    tombstones = [r.key for r in bench.output.sent if r.topic == "account-state" and r.value is None]
    assert tombstones == [f"small-12345678/row/{part}/hooli".encode() for part in range(MAX_PARTS)]
    bench.core.clear()
    bench.log.committed = bench.log.end
    bench.log.forget_below(marker)

    await to_the_end(bench, snapshots=bench.snapshots())

    assert "hooli" not in held(bench)["rows"]
    assert held(bench)["forgotten"] == held(never_lost)["forgotten"] != frozenset()
    # From the marker on it is forgotten, though the log asks for it later.
    counts, expected = held(bench)["fence"][2], held(never_lost)["fence"][2]
    outcomes = ("applied", "duplicate", "too_late", "forgotten")
    assert sum(counts.get(o, 0) for o in outcomes) == sum(expected.get(o, 0) for o in outcomes)
    assert (day == 4) or counts == expected


async def test_no_set_is_begun_before_the_runner_has_caught_up(bench):
    """A commit that was cut off may have left rows ahead of the fence: no set would be of one moment."""
    snapshots = bench.snapshots()
    fence = Fence(50, "test-log")
    await snapshots.begin(fence, 60)

    await snapshots.after_commit(fence)
    assert snapshots._walk is None
    await snapshots.after_commit(Fence(60, "test-log"))
    assert snapshots._walk is not None
    snapshots.drop()


class RefusingOutput:
    async def send(self, records):
        if all(record.value is None for record in records):
            return list(range(len(records)))
        raise PermanentError("topic authorization failed", reason="kafka_authorization")


async def test_a_state_topic_that_takes_nothing_costs_the_set_and_no_commit(bench, never_lost):
    await to_the_end(bench, snapshots=bench.snapshots(output=RefusingOutput()))

    assert bench.failures == []
    assert set(bench.observer.sets) == {"refused"}
    assert held(bench) == held(never_lost)


class CountingStore(MemoryPartitionStore):
    """How many rows were read."""

    read = 0

    async def rows(self, account_ids, *, with_ids=True):
        wanted = list(account_ids)
        self.read += len(wanted)
        return await super().rows(wanted, with_ids=with_ids)


async def test_a_row_is_read_once_for_a_set_however_often_it_changes(bench):
    store = CountingStore(bench.core)
    snapshots = bench.snapshots(store=store, every_ms=1 << 40)

    await to_the_end(bench, snapshots=snapshots)

    assert len(marked(bench)) == 1
    assert store.read <= 3 * len(ACCOUNTS), "by the walk, once or twice, and before its first change"
