"""What only a real Redis can do to us: full memory, forgotten scripts, restarts, foreign keys."""

from __future__ import annotations

import asyncio
import struct

import pytest
import redis

from kenko.engine.rows import RowChange
from kenko.runtime.errors import PermanentError, TransientError
from kenko.store.client import connect
from kenko.store.keys import PartitionKeys
from kenko.store.port import CommitOutcome, Fence, PartitionCommit
from kenko.store.redis_errors import RedisRefusal
from kenko.store.redis_partition import RedisPartitionStore

pytestmark = pytest.mark.connected
KEYS = PartitionKeys("default-0123abcd", 3, 12)
OLD_CHUNK = struct.pack(">QQ", 0, 0)


def commit(expected, offset, *rows, size=10):
    changes = [RowChange(a, bytes(size), 0, 5000, (OLD_CHUNK,), 1) for a in rows]
    return PartitionCommit(expected, Fence(offset, "log", 1, {"applied": offset}), changes)


async def dump(client):
    """Every key with its whole value."""
    return {key: await client.dump(key) for key in await client.keys("*")}


async def test_over_maxmemory_a_commit_is_refused_as_a_whole_and_works_when_there_is_room_again(redis_world):
    client, store = redis_world.client, redis_world.runner()
    await store.commit(commit(None, 1, "a", "b"))
    before = await dump(client)
    await client.config_set("maxmemory", 1)
    try:
        with pytest.raises(TransientError) as caught:
            # Its first write frees memory (it drops chunks): without the script's header Redis would let all of it pass.
            await store.commit(commit(1, 2, "a", "b", "new"))
        assert await dump(client) == before
        # Reading goes on meanwhile.
        assert (await store.rows(["a"]))["a"] is not None
        assert await store.fence() == Fence(1, "log", 1, {"applied": 1})
    finally:
        await client.config_set("maxmemory", 0)

    assert caught.value.retry_after_s >= 1
    assert await store.commit(commit(1, 2, "a", "b", "new")) is CommitOutcome.APPLIED


async def test_a_commit_during_which_memory_runs_out_is_still_whole(redis_world):
    client, store = redis_world.client, redis_world.runner()
    rows = [f"account-{n}" for n in range(2000)]
    used = (await client.info("memory"))["used_memory"]
    await client.config_set("maxmemory", used + 6_000_000)  # room for the request, not for what it leaves behind
    try:
        outcomes = []
        for offset in range(1, 100):
            changes = [RowChange(f"{a}-{offset}", bytes(1000), 0, 1) for a in rows]
            try:
                fence = Fence(offset, "log", 1, {})
                outcomes.append(await store.commit(PartitionCommit(offset - 1 or None, fence, changes)))
            except TransientError:
                break
    finally:
        await client.config_set("maxmemory", 0)

    applied = len(outcomes)
    assert applied >= 1
    assert (await store.fence()).offset == applied
    assert await client.zcard(KEYS.due) == await client.zcard(KEYS.scores) == 2000 * applied
    assert len(await client.keys("*row:*")) == 2000 * applied


async def test_a_forgotten_script_is_sent_again(redis_world):
    store = redis_world.runner()
    await redis_world.client.script_flush()
    assert await store.commit(commit(None, 1, "a")) is CommitOutcome.APPLIED
    await redis_world.client.script_flush()
    assert (await store.rows(["a"]))["a"] is not None
    assert await store.commit(commit(1, 2, "a")) is CommitOutcome.APPLIED


async def test_a_key_of_another_type_is_for_a_person_to_mend(redis_world):
    await redis_world.client.set(KEYS.due, "not ours")

    with pytest.raises(PermanentError, match="WRONGTYPE") as caught:
        await redis_world.runner().commit(commit(None, 1, "a"))
    assert caught.value.reason == RedisRefusal.COMMAND


async def test_after_kill_9_it_goes_on_from_a_fence_that_was_committed(own_redis):
    client = connect(own_redis.url)
    await client.config_set("appendfsync", "always")
    store = RedisPartitionStore(client, KEYS)
    await store.commit(commit(None, 1, "a"))
    own_redis.kill()

    with pytest.raises(TransientError):
        await store.commit(commit(1, 2, "a", "b"))

    own_redis.start()
    assert await store.fence() == Fence(1, "log", 1, {"applied": 1})
    assert await store.commit(commit(1, 2, "a", "b")) is CommitOutcome.APPLIED
    await client.aclose()


async def test_a_restart_between_two_commits_is_not_noticed(own_redis):
    client = connect(own_redis.url)
    store = RedisPartitionStore(client, KEYS)
    await store.commit(commit(None, 1, "a"))
    own_redis.stop()
    own_redis.start()

    assert await store.commit(commit(1, 2, "a")) is CommitOutcome.APPLIED
    await client.aclose()


async def test_a_redis_that_does_not_answer_is_a_transient_error(own_redis):
    client = connect(own_redis.url, socket_timeout=0.2, retry=None)
    store = RedisPartitionStore(client, KEYS)
    assert await store.fence() is None
    own_redis.process.send_signal(19)  # SIGSTOP
    try:
        with pytest.raises(TransientError):
            await store.commit(commit(None, 1, "a"))
    finally:
        own_redis.process.send_signal(18)  # SIGCONT
    await client.aclose()


async def test_many_partitions_share_one_client(store_client):
    stores = [RedisPartitionStore(store_client, PartitionKeys("default-0123abcd", p, 12)) for p in range(12)]

    outcomes = await asyncio.gather(*(s.commit(commit(None, p + 1, "a")) for p, s in enumerate(stores)))

    assert outcomes == [CommitOutcome.APPLIED] * 12
    assert [(await s.fence()).offset for s in stores] == list(range(1, 13))


async def test_every_key_a_commit_makes_is_documented_and_in_one_slot(redis_world):
    await redis_world.runner().commit(commit(None, 1, "{b}", "a:{c}"))

    keys = [key.decode() for key in await redis_world.client.keys("*")]

    base = "kenko:default-0123abcd:{p3of12-40}:"
    names = ["fence", "due", "scores", "row:{b}", "row:a:{c}", "ids:{b}", "ids:a:{c}"]
    assert sorted(keys) == sorted(base + name for name in names)
    assert {redis.crc.key_slot(key.encode()) for key in keys} == {KEYS.slot}
