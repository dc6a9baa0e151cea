"""The read side."""

from __future__ import annotations

import pytest

from kenko.engine.partitioning import murmur2_partition
from kenko.engine.rows import Row, RowChange
from kenko.store.keys import PartitionKeys
from kenko.store.port import Fence, PartitionCommit
from kenko.store.reader import StateReader
from kenko.store.redis_partition import RedisPartitionStore

pytestmark = pytest.mark.connected
MODEL = "default-0123abcd"


async def fill(client, accounts, partitions):
    """Each account where its events lie, with its place in the list as its score; every tenth has none."""
    rows = {}
    for n, account_id in enumerate(accounts):
        change = RowChange(account_id, f"row of {account_id}".encode(), None, None if n % 10 == 0 else n)
        rows.setdefault(murmur2_partition(account_id.encode(), partitions), []).append(change)
    for partition, changes in rows.items():
        store = RedisPartitionStore(client, PartitionKeys(MODEL, partition, partitions))
        await store.commit(PartitionCommit(None, Fence(partition, "log", 1_000), changes))
    return rows


@pytest.fixture(params=["store_client", "cluster_client"])
def client(request):
    return request.getfixturevalue(request.param)


async def test_every_account_is_listed_once_with_its_score(client):
    accounts = [f"account-{n}" for n in range(3000)] + ["健康", ":{}*"]
    await fill(client, accounts, 2)
    reader = StateReader(client, model=MODEL, partitions=2)

    listed = [entry async for entry in reader.all_scores()]

    assert dict(listed) == {a: None if n % 10 == 0 else n / 100 for n, a in enumerate(accounts)}
    assert len(listed) == len(accounts)
    assert sorted([account_id async for account_id in reader.all_accounts()]) == sorted(accounts)


async def test_an_account_is_found_in_its_partition(client):
    rows = await fill(client, [f"account-{n}" for n in range(40)], 12)
    reader = StateReader(client, model=MODEL, partitions=12)

    for partition, changes in rows.items():
        for change in changes:
            found = await reader.find(change.account_id)
            assert found.partition == partition == reader.partition_of(change.account_id)
            assert found.row == Row(change.state, [])
            assert found.fence == Fence(partition, "log", 1_000)
    assert await reader.score("account-7") == 0.07
    assert await reader.score("account-10") is None
    assert await reader.score("nobody") is None
    assert (await reader.find("nobody")).row is None


async def test_an_empty_store_has_nothing(client):
    reader = StateReader(client, model=MODEL, partitions=3)

    assert [entry async for entry in reader.all_scores()] == []
    assert await reader.fences() == {0: None, 1: None, 2: None}
    found = await reader.find("acme")
    assert (found.row, found.fence) == (None, None)


async def test_other_models_and_prefixes_are_not_seen(client):
    await fill(client, ["acme"], 1)
    for reader in (
        StateReader(client, model="default-fedcba98", partitions=1),
        StateReader(client, model=MODEL, partitions=1, prefix="other"),
    ):
        assert [entry async for entry in reader.all_scores()] == []
