"""Keyspaces are listed with what they hold, and taken away whole, or left so that nobody takes half of one for all."""

from __future__ import annotations

import pytest

from kenko.engine.rows import CHUNK_HEADER, RowChange
from kenko.store.alerts_keys import AlertKeys
from kenko.store.client import connect
from kenko.store.drop import drop
from kenko.store.keys import BEING_DROPPED, PartitionKeys
from kenko.store.port import CommitOutcome, Fence, PartitionCommit
from kenko.store.redis_partition import RedisPartitionStore
from kenko.store.survey import LIVE_MS, all_keyspaces, survey

pytestmark = pytest.mark.connected
CHUNK = CHUNK_HEADER.pack(0, 1) + bytes(8)
DIGEST = b"sixteen bytes, 1"
OURS = "default-0123abcd"


@pytest.fixture(params=["store_client", "cluster_client"])
def client(request):
    return request.getfixturevalue(request.param)


async def filled(client, model=OURS, partition=3, partitions=12, prefix="kenko", rows=30):
    keys = PartitionKeys(model, partition, partitions, prefix)
    changes = [RowChange(f"account-{n}", bytes(1000), 7, 5000, (CHUNK,)) for n in range(rows)]
    commit = PartitionCommit(None, Fence(2, "log", 1_000), changes, {"gone": DIGEST})
    assert await RedisPartitionStore(client, keys).commit(commit) is CommitOutcome.APPLIED
    return keys


async def names(client):
    return sorted(key.decode() for key in await client.keys("*"))


async def test_every_model_and_number_of_partitions_is_listed_with_its_size(client):
    wanted = [
        await filled(client),
        await filled(client, partition=4, rows=1),
        await filled(client, partition=0, partitions=3, rows=100),
        await filled(client, model="weights*-1", rows=0),
    ]
    await filled(client, prefix="other")
    await client.hset(AlertKeys(3, 12).states, "zone\x00acme", "{}")

    found = await survey(client, await all_keyspaces(client))

    assert [space.keys for space in found] == [wanted[2], wanted[0], wanted[1], wanted[3]]
    assert [space.rows for space in found] == [100, 30, 1, 0]
    assert [space.fence.offset for space in found] == [2] * 4
    assert all(100 * 1_000 < space.size < 100 * 2_000 for space in found[:1])
    assert found[0].size > found[1].size > found[2].size > found[3].size > 0


async def test_it_is_live_while_its_newest_tick_is_young(client):
    (space,) = await survey(client, [await filled(client)])
    assert space.is_live(1_000 + LIVE_MS - 1)
    assert not space.is_live(1_000 + LIVE_MS)


async def test_what_is_named_goes_and_nothing_else(client):
    others = [
        await filled(client, model="weights*-1"),
        await filled(client, partition=4),
        await filled(client, partitions=24),
        await filled(client, prefix="kenko2"),
    ]
    await client.hset(AlertKeys(3, 12).states, "zone\x00acme", "{}")
    left = await names(client)
    spaces = [await filled(client), await filled(client, model="weights-1", rows=1900)]

    told = []
    gone = await drop(client, spaces, told.append)

    # The hash of a forgotten account stays: the log could bring it back.
    assert await names(client) == sorted([*left, *(keys.forgotten for keys in spaces)])
    assert gone == 2 * 30 + 2 * 1900 + 2 * len(["fence", "due", "scores"])
    assert told == sorted(told)
    assert len(told) >= 3, "in pieces"
    assert sorted(await all_keyspaces(client), key=str) == sorted(others[:-1], key=str)
    assert await RedisPartitionStore(client, spaces[0]).forgotten() == {DIGEST}


async def test_stopped_half_way_it_lets_nobody_start_or_commit_and_goes_on_when_run_again(client):
    keys = await filled(client, rows=1900)
    store = RedisPartitionStore(client, keys)

    def stop(gone):
        raise KeyboardInterrupt(gone)

    with pytest.raises(KeyboardInterrupt):
        await drop(client, [keys], stop)
    assert 0 < len(await names(client)) < 2 * 1900

    assert (await store.fence()).log_id == BEING_DROPPED
    assert await store.commit(PartitionCommit(2, Fence(3, "log"), [])) is CommitOutcome.REFUSED
    assert await store.commit(PartitionCommit(None, Fence(3, "log"), [])) is CommitOutcome.REFUSED
    assert await all_keyspaces(client) == [keys]

    await drop(client, await all_keyspaces(client))
    assert await names(client) == [keys.forgotten]
    assert await store.commit(PartitionCommit(None, Fence(3, "log"), [])) is CommitOutcome.APPLIED


async def test_a_redis_that_forbids_to_measure_is_listed_without_sizes(own_redis):
    async with connect(own_redis.url) as client:
        keys = await filled(client)
        await client.acl_setuser("guest", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-memory"])
    async with connect(own_redis.url, username="guest", password="any") as guest:
        (space,) = await survey(guest, [keys])
    assert (space.rows, space.size) == (30, None)


async def test_of_none_nothing_goes(store_client):
    await filled(store_client)
    before = await names(store_client)
    assert await drop(store_client, []) == 0
    assert await names(store_client) == before
