"""A walk and a restore by themselves, over the twins: what a set may say, and which set is taken."""

import asyncio
import random
from dataclasses import dataclass, field

import pytest

from kenko.engine.identity import account_digest
from kenko.engine.rows import Row, RowChange
from kenko.engine.scorer import Scorer
from kenko.store.memory_partition import MemoryPartition, MemoryPartitionStore
from kenko.store.port import Fence, PartitionCommit
from kenko.store.rebuild_memory import MemoryRebuildStore
from kenko.stream.observer import NullObserver
from kenko.stream.patience import Patience
from kenko.stream.producer import MemoryOutput
from kenko.stream.state_records import MAX_PART_BYTES, MAX_PARTS, StateTopic, marker_of
from kenko.stream.state_restore import StateRestore
from kenko.stream.state_topic import MemoryStateSource
from kenko.stream.state_walk import StateWalk, WalkPlan, WalkVoidError

TOPIC = StateTopic("account-state", "small-12345678", 0)
NOISE = random.Random(1)
ACCOUNTS = ("acme", "globex", "initech")


@dataclass
class Place:
    """A partition at fence 10 with three accounts, and where its snapshots go."""

    scorer: Scorer
    core: MemoryPartition = field(default_factory=MemoryPartition)
    output: MemoryOutput = field(default_factory=MemoryOutput)
    patience: Patience = field(default_factory=lambda: Patience(NullObserver(), sleep=lambda _: asyncio.sleep(0)))

    def __post_init__(self):
        self.commit(None, 10, *(self.row(account, 5) for account in ACCOUNTS))

    def row(self, account, offset):
        state = self.scorer.new(account)
        state.offset = offset
        return RowChange(account, self.scorer.encode(state), 0, None, replaces=5)

    def commit(self, expected, offset, *rows):
        self.core.commit(PartitionCommit(expected, Fence(offset, "log"), rows))

    def walk(self, fence=10, **plan):
        return StateWalk(
            plan=WalkPlan(**{"piece": 1, "pause_s": 0.001, **plan}),
            topic=TOPIC,
            fence=Fence(fence, "log"),
            epoch=str(self.core.epoch),
            rows=len(ACCOUNTS),
            began_ms=1,
            store=MemoryPartitionStore(self.core),
            accounts=MemoryRebuildStore(self.core),
            output=self.output,
            patience=self.patience,
            observer=NullObserver(),
        )

    async def finished(self, walk):
        async with asyncio.timeout(10):
            while not walk.is_through:
                await asyncio.sleep(0)
        await walk.finish()

    async def a_set(self):
        """Written, and the store emptied."""
        await self.finished(self.walk())
        self.core.clear()

    async def restore(self, log_id="log", log_end=100, accounts=None):
        return await StateRestore(
            topic=TOPIC,
            scorer=self.scorer,
            source=MemoryStateSource(self.output, TOPIC.topic, 0),
            store=MemoryPartitionStore(self.core),
            accounts=accounts or MemoryRebuildStore(self.core),
            patience=self.patience,
        ).run(log_id, log_end)

    def accounts(self):
        return {account for account, row in self.core.rows(ACCOUNTS).items() if row}

    def written(self):
        """Accounts in the order of their records; a tombstone is None."""
        found = [(TOPIC.row_of(r.key), r.value) for r in self.output.sent]
        return [(place[0], value is not None) for place, value in found if place is not None]


@pytest.fixture
async def place(model):
    return Place(Scorer(model))


async def test_emptied_and_filled_again_to_the_same_offset_is_another_store(place):
    """Half of the accounts were met in one life, the other half would be looked for in another."""
    walk = place.walk(pause_s=0.05)
    while not place.output.sent:
        await asyncio.sleep(0)
    place.core.clear()
    place.commit(None, 10, place.row("acme", 5))

    with pytest.raises(WalkVoidError):
        await place.finished(walk)

    assert await place.restore() is None


async def test_a_store_that_went_back_gives_no_rows_of_the_fence_before(place):
    with pytest.raises(WalkVoidError):
        await place.finished(place.walk(fence=11))

    assert place.output.sent == []


async def test_an_account_that_is_forgotten_meanwhile_is_written_no_more(place):
    """The store still holds it: its tombstone comes before the commit."""
    walk = place.walk()
    await walk.keep([place.row("globex", 12)])
    await walk.erase(["globex"], TOPIC.tombstones("globex"))

    await place.finished(walk)

    assert ("globex", True) not in place.written()
    assert place.written().count(("globex", False)) == MAX_PARTS
    place.core.clear()
    assert await place.restore() == 2
    assert place.core.forgotten() == {account_digest("globex")}


async def test_what_is_about_to_change_is_kept_as_it_was(place):
    walk = place.walk(pause_s=0.05)
    before = place.core.rows(ACCOUNTS)
    changed = [place.row(account, 12) for account in ACCOUNTS]
    await walk.keep(changed)
    place.commit(10, 13, *changed)
    await place.finished(walk)
    place.core.clear()

    assert await place.restore() == 3

    assert place.core.fence().offset == 10
    assert place.core.rows(ACCOUNTS) == before


async def test_too_many_rows_to_keep_are_written_at_once(place):
    walk = place.walk(pause_s=60.0, most_kept_bytes=1)

    await walk.keep([place.row(account, 12) for account in ACCOUNTS])

    assert {account for account, _ in place.written()} == set(ACCOUNTS)
    walk.cancel()


async def test_a_row_that_no_records_hold_makes_the_set_void(place, monkeypatch):
    monkeypatch.setattr("kenko.stream.state_records.MAX_PARTS", 1)
    big = RowChange(
        "acme", place.row("acme", 5).state, 0, None, tuple(NOISE.randbytes(MAX_PART_BYTES) for _ in range(2))
    )
    place.commit(10, 11, big)

    with pytest.raises(WalkVoidError, match="too large"):
        await place.finished(place.walk(fence=11))


async def test_a_tombstone_behind_the_set_takes_the_account_out_of_it(place):
    """The log may no longer hold the record that asked for it."""
    await place.a_set()
    await place.output.send(TOPIC.tombstones("acme"))

    assert await place.restore() == 2

    assert place.accounts() == {"globex", "initech"}
    assert place.core.forgotten() == {account_digest("acme")}


class EmptiedStore(MemoryRebuildStore):
    """Emptied once more, after rows were put into it."""

    emptied = False

    async def restore(self, rows):
        written = await super().restore(rows)
        if not self.emptied:
            self.emptied = True
            self._partition.clear()
        return written


async def test_a_store_that_is_emptied_while_it_is_filled_is_filled_again(place):
    await place.a_set()

    assert await place.restore(accounts=EmptiedStore(place.core)) == 3

    assert place.accounts() == set(ACCOUNTS)


async def test_where_there_is_a_fence_nothing_is_restored(place):
    await place.a_set()
    place.commit(None, 3)

    assert await place.restore() is None

    assert place.accounts() == set()
    assert place.core.fence().offset == 3


@pytest.mark.parametrize(
    "log", [{"log_id": "other"}, {"log_end": 9}], ids=["another-log", "a-shorter-log-of-the-same-name"]
)
async def test_a_set_of_another_log_is_not_taken(place, log):
    await place.a_set()

    assert await place.restore(**log) is None

    assert place.accounts() == set()


async def test_the_newest_marker_counts_wherever_it_stands(place):
    """A zombie's marker is true, and older."""
    await place.a_set()
    await place.output.send([TOPIC.marker(marker_of(Fence(4, "log"), rows=0, forgotten=0, since=None, began_ms=1))])

    assert await place.restore() == 3

    assert place.core.fence() == Fence(10, "log", snapshot_ms=1)


async def test_a_set_that_cannot_be_read_is_left_and_said(place):
    await place.a_set()
    (record,) = TOPIC.rows("acme", Row(place.row("acme", 5).state, []), 10)
    await place.output.send([record._replace(value=b"\x09" + record.value[1:])])

    assert await place.restore() is None

    assert place.core.fence() is None
