"""A commit that stops half way: nothing is lost, and the same commit again gives what it would have given at once."""

from __future__ import annotations

import pytest

from kenko.engine.rows import CHUNK_HEADER, RowChange
from kenko.runtime.errors import TransientError
from kenko.store.memory_partition import Interruption
from kenko.store.port import CommitOutcome, Fence, PartitionCommit

BEFORE_THE_FENCE = [at for at in Interruption if at is not Interruption.AFTER]


def chunk(offset: int, *ids: int) -> bytes:
    return CHUNK_HEADER.pack(0, offset) + b"".join(i.to_bytes(8, "big") for i in ids)


FIRST = PartitionCommit(
    None,
    Fence(10, "log", 1_000, {"applied": 10}),
    [
        RowChange("a", b"a1", 0, None, (chunk(1, 1), chunk(5, 2)), tail=b"of a1"),
        RowChange("b", b"b1", 70, 5000, (chunk(3, 3),), tail=b"of b1"),
        RowChange("c", b"c1", 80, 6000),
        RowChange("e", b"e1", 60, 3000, (chunk(2, 9),)),
    ],
)
SECOND = PartitionCommit(
    10,
    Fence(20, "log", 2_000, {"applied": 19, "ticks": 1}),
    [
        RowChange("a", b"a2", 90, 4000, (chunk(15, 4), chunk(16, 5)), 1, b"of a2"),
        RowChange("b", b"b2", None, None, drop_ids_through=3),
        RowChange("d", b"d2", 0, None, (chunk(12, 6),)),
    ],
    {"e": b"e, 16 bytes long"},
)


async def everything(world):
    store = world.runner()
    rows = await store.rows("abcde")
    return {
        "fence": await store.fence(),
        "states": {a: row and (row.state, row.tail) for a, row in rows.items()},
        # A chunk may stand there twice: whoever reads it knows its ids already.
        "ids": {a: sorted(set(row.ids)) for a, row in rows.items() if row},
        "due": await store.due(10**15, 100),
        "scores": await world.scores(),
        "forgotten": await store.forgotten(),
    }


@pytest.fixture
async def wanted(world):
    """What both commits give when nothing goes wrong."""
    store = world.runner()
    await store.commit(FIRST)
    await store.commit(SECOND)
    result = await everything(world)
    await world.clear()
    await store.commit(FIRST)
    return result


@pytest.mark.parametrize("at", BEFORE_THE_FENCE)
async def test_the_same_commit_again_gives_the_same(world, wanted, at):
    store = await world.interrupted_runner(at)
    with pytest.raises(TransientError, match="interrupted"):
        await store.commit(SECOND)
    assert await store.fence() == FIRST.fence

    assert await world.runner().commit(SECOND) is CommitOutcome.APPLIED
    assert await everything(world) == wanted


async def test_a_commit_whose_answer_got_lost_is_refused_the_second_time(world, wanted):
    store = await world.interrupted_runner(Interruption.AFTER)
    with pytest.raises(TransientError):
        await store.commit(SECOND)

    assert await world.runner().commit(SECOND) is CommitOutcome.REFUSED
    assert await everything(world) == wanted


@pytest.mark.parametrize("at", BEFORE_THE_FENCE)
async def test_the_replay_may_commit_in_other_portions(world, wanted, at):
    store = await world.interrupted_runner(at)
    with pytest.raises(TransientError):
        await store.commit(SECOND)

    half = PartitionCommit(10, Fence(14, "log", 1_000, {"applied": 14}), [SECOND.rows[2]])
    rest = PartitionCommit(14, SECOND.fence, SECOND.rows[:2], SECOND.erased)
    store = world.runner()
    assert [await store.commit(half), await store.commit(rest)] == [CommitOutcome.APPLIED] * 2
    assert await everything(world) == wanted


async def test_steps_come_in_the_order_ids_rows_indexes_forgotten_erased_fence(world):
    """Each step is visible only after the ones before it, whatever stands in between."""
    seen = []
    for at in BEFORE_THE_FENCE:
        await world.clear()
        await world.runner().commit(FIRST)
        with pytest.raises(TransientError):
            await (await world.interrupted_runner(at)).commit(SECOND)
        store = world.runner()
        row, erased = (await store.rows("ae")).values()
        seen.append(
            (
                at.name,
                chunk(16, 5) in row.ids,
                (row.state, row.tail) == (b"a2", b"of a2"),
                await store.next_due() == 0 and (90, "a") in await store.due(100, 10),
                (await world.scores())["a"] == 4000,
                await store.forgotten() == {b"e, 16 bytes long"},
                erased is None and "e" not in await world.scores() and (60, "e") not in await store.due(100, 10),
            )
        )

    assert seen == [
        ("BEFORE", False, False, False, False, False, False),
        ("AFTER_IDS", True, False, False, False, False, False),
        ("HALF_WAY", True, True, False, False, False, False),
        ("AFTER_INDEXES", True, True, True, True, False, False),
        ("AFTER_FORGOTTEN", True, True, True, True, True, False),
        ("AFTER_ERASED", True, True, True, True, True, True),
    ]


async def test_an_interruption_spoils_one_commit_only():
    from kenko.store.memory_partition import MemoryPartition

    partition = MemoryPartition()
    partition.interrupt_next_commit(Interruption.BEFORE)
    with pytest.raises(TransientError):
        partition.commit(FIRST)
    assert partition.commit(FIRST) is CommitOutcome.APPLIED
    assert partition.commit(SECOND) is CommitOutcome.APPLIED
