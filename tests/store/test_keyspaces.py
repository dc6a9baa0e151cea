"""The keyspaces of models that run no more are found, and an account is taken out of them."""

from __future__ import annotations

from kenko.engine.identity import account_digest
from kenko.engine.rows import CHUNK_HEADER, RowChange
from kenko.store.alerts_keys import AlertKeys
from kenko.store.keys import PartitionKeys
from kenko.store.keyspaces import erase, keyspaces
from kenko.store.port import Fence, PartitionCommit
from kenko.store.redis_partition import RedisPartitionStore

CHUNK = CHUNK_HEADER.pack(0, 1) + bytes(8)


async def filled(client, model, partition=3, prefix="kenko"):
    keys = PartitionKeys(model, partition, 12, prefix)
    rows = [RowChange(account, b"row", 7, 5000, (CHUNK,)) for account in ("acme", "other")]
    await RedisPartitionStore(client, keys).commit(PartitionCommit(None, Fence(2, "log"), rows))
    return keys


async def test_those_of_the_partition_and_prefix_are_found(store_client):
    wanted = [await filled(store_client, model) for model in ("default-00000000", "weights*-1", "old-1")]
    await filled(store_client, "default-00000000", partition=4)
    await filled(store_client, "default-00000000", prefix="other")
    await store_client.hset(AlertKeys(3, 12).states, "zone\x00acme", "{}")

    found = await keyspaces(store_client, 3, 12)

    assert sorted(keys.model for keys in found) == sorted(keys.model for keys in wanted)
    assert {keys.base for keys in found} == {keys.base for keys in wanted}


async def test_of_an_erased_account_the_digest_stays_and_the_others_too(store_client):
    keys = await filled(store_client, "old-1")
    store = RedisPartitionStore(store_client, keys)

    assert await erase(store_client, keys, "acme")
    assert not await erase(store_client, keys, "acme"), "it is gone"

    rows = await store.rows(["acme", "other"])
    assert rows["acme"] is None
    assert rows["other"] is not None
    assert await store.due(10, 10) == [(7, "other")]
    assert await store_client.zrange(keys.scores, 0, -1) == [b"other"]
    assert await store.forgotten() == {account_digest("acme")}
    assert await store.fence() == Fence(2, "log"), "its scorer would go on where it stood"
