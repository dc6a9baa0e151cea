"""Redis Cluster moves a partition's slot, key by key, while the scorer commits."""

from __future__ import annotations

import pytest
import redis

from kenko.engine.rows import RowChange
from kenko.runtime.errors import TransientError
from kenko.store.client import connect
from kenko.store.keys import PartitionKeys
from kenko.store.port import CommitOutcome, Fence, PartitionCommit
from kenko.store.redis_partition import RedisPartitionStore

pytestmark = pytest.mark.connected
KEYS = PartitionKeys("default-0123abcd", 3, 12)


def commit(expected, offset, *accounts):
    return PartitionCommit(expected, Fence(offset, "log"), [RowChange(a, b"%d" % offset, offset, 1) for a in accounts])


def contents(source, target):
    """What is still here with its values, and the names of what is there already."""
    return sorted((key, source.dump(key)) for key in source.keys("*")), sorted(target.keys("*"))


async def test_while_a_slot_moves_a_commit_is_refused_as_a_whole_and_goes_on_afterwards(two_nodes):
    first, second = two_nodes
    client = connect(f"redis+cluster://127.0.0.1:{first.port}")
    store = RedisPartitionStore(client, KEYS)
    await store.commit(commit(None, 1, "a", "b"))

    with redis.Redis(port=first.port) as source, redis.Redis(port=second.port) as target:
        source_id, target_id = (node.execute_command("CLUSTER", "MYID").decode() for node in (source, target))
        target.execute_command("CLUSTER", "SETSLOT", KEYS.slot, "IMPORTING", source_id)
        source.execute_command("CLUSTER", "SETSLOT", KEYS.slot, "MIGRATING", target_id)
        source.migrate("127.0.0.1", second.port, KEYS.row("a"), 0, 5000)
        before = contents(source, target)

        for accounts in (["a"], ["b", "a"], ["b", "new"]):  # moved, partly moved, never there
            with pytest.raises(TransientError, match=r"TTL exhausted|TryAgain"):
                await store.commit(commit(1, 2, *accounts))
            assert contents(source, target) == before

        source.migrate("127.0.0.1", second.port, source.keys("*"), 0, 5000)
        # ASK: all are there. The client does not know that node: it had no slot when the client looked.
        with pytest.raises(TransientError, match="a node that has none yet"):
            await store.fence()
        for node in (target, source):
            node.execute_command("CLUSTER", "SETSLOT", KEYS.slot, "NODE", target_id)

    assert await store.commit(commit(1, 2, "a", "b", "new")) is CommitOutcome.APPLIED
    assert await store.fence() == Fence(2, "log")
    assert {a: row.state for a, row in (await store.rows(["a", "b", "new"])).items()} == dict.fromkeys(
        ("a", "b", "new"), b"2"
    )
    await client.aclose()
