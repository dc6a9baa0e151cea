"""What every RebuildStore does: one suite over the twin, Redis and Redis Cluster."""

from __future__ import annotations

import pytest

from kenko.engine.identity import account_digest
from kenko.engine.rows import CHUNK_HEADER, RowChange
from kenko.store.port import CommitOutcome, Fence, PartitionCommit
from kenko.store.rebuild_memory import MemoryRebuildStore
from kenko.store.rebuild_redis import RedisRebuildStore
from kenko.store.redis_partition import RedisPartitionStore

ACCOUNTS = [":{}*", "健康", "a b", "x" * 200, "row:fence", *(f"account-{n}" for n in range(500))]


def chunk(offset: int) -> bytes:
    return CHUNK_HEADER.pack(7, offset) + offset.to_bytes(8, "big")


def change(account_id: str, number: int, chunks: int = 2) -> RowChange:
    due_ms, score = (None, None) if number % 5 == 0 else (number, number * 10)
    return RowChange(account_id, b"row %d" % number, due_ms, score, tuple(chunk(n) for n in range(chunks)))


CHANGES = [change(account_id, number) for number, account_id in enumerate(ACCOUNTS)]


@pytest.fixture
def rebuild(world):
    """The world's other face."""
    store = world.runner()
    if isinstance(store, RedisPartitionStore):
        return RedisRebuildStore(world.client, world.keys)
    return MemoryRebuildStore(store.partition)


async def all_accounts(rebuild, count):
    found, cursor = set(), 0
    while True:
        cursor, piece = await rebuild.accounts(cursor, count)
        found |= set(piece)
        if cursor == 0:
            return found


async def test_what_is_restored_is_what_a_commit_would_have_written(world, rebuild):
    store = world.runner()
    assert await store.commit(PartitionCommit(None, Fence(9, "log"), CHANGES)) is CommitOutcome.APPLIED
    rows, due, scores = await store.rows(ACCOUNTS), await store.due(1 << 40, 1000), await world.scores()
    await world.clear()

    assert await rebuild.restore(CHANGES[:300])
    assert await rebuild.restore(CHANGES[200:]), "over what is there: nothing stands twice"

    assert await store.fence() is None
    assert await store.rows(ACCOUNTS) == rows
    assert (await store.due(1 << 40, 1000), await world.scores()) == (due, scores)
    assert await store.commit(PartitionCommit(None, Fence(9, "log"))) is CommitOutcome.APPLIED


async def test_behind_a_fence_nothing_is_restored(world, rebuild):
    await world.runner().commit(PartitionCommit(None, Fence(1, "log"), CHANGES[:1]))

    assert not await rebuild.restore([CHANGES[0]._replace(state=b"other"), CHANGES[1]])

    assert [row and row.state for row in (await world.runner().rows(ACCOUNTS[:2])).values()] == [b"row 0", None]


async def test_a_row_with_more_ids_than_lua_takes_at_once(world, rebuild):
    big = change("big", 1, chunks=20_000)

    assert await rebuild.restore([big])

    assert (await world.runner().rows(["big"]))["big"].ids == list(big.id_chunks)


@pytest.mark.parametrize("count", [1, 7, 1000])
async def test_every_account_comes_whatever_goes_on_meanwhile(world, rebuild, count):
    await world.runner().commit(PartitionCommit(None, Fence(1, "log"), CHANGES))
    assert await rebuild.size() == len(ACCOUNTS)
    cursor, found = await rebuild.accounts(0, count)
    await world.runner().commit(PartitionCommit(1, Fence(2, "log"), [change(f"new-{n}", n) for n in range(600)]))

    while cursor:
        cursor, piece = await rebuild.accounts(cursor, count)
        found += piece

    assert set(found) >= set(ACCOUNTS)


async def test_another_life_has_another_epoch(world, rebuild):
    before = await rebuild.pulse()
    assert (before.offset, await world.runner().fence()) == (None, None)
    await world.runner().commit(PartitionCommit(None, Fence(5, "log")))
    assert await rebuild.pulse() == (5, before.epoch)

    await world.clear()
    await world.runner().commit(PartitionCommit(None, Fence(5, "log")))

    offset, epoch = await rebuild.pulse()
    assert offset == 5
    assert epoch != before.epoch


async def test_forgotten_accounts_are_noted_and_gone_without_a_fence(world, rebuild):
    await rebuild.restore(CHANGES[:3])

    await rebuild.forget(ACCOUNTS[1], account_digest(ACCOUNTS[1]))
    await rebuild.note_forgotten([b"%016d" % n for n in range(12_000)])

    assert await all_accounts(rebuild, 10) == {ACCOUNTS[0], ACCOUNTS[2]}
    assert (await world.runner().rows([ACCOUNTS[1]]))[ACCOUNTS[1]] is None
    assert len(await world.runner().forgotten()) == 12_001
    await rebuild.note_forgotten([])


async def test_the_time_of_the_newest_set_moves_with_the_fence(world):
    store = world.runner()
    fence = Fence(1, "log", 7, {"applied": 3}, {"api": 5}, snapshot_ms=1_700_000_000_123)

    await store.commit(PartitionCommit(None, fence))

    assert await store.fence() == fence
