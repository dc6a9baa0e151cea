"""Runners over a real Redis Cluster while it changes under them: what comes out is that of a store that never failed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
import redis

from kenko.store.client import connect
from kenko.store.keys import PartitionKeys

pytestmark = pytest.mark.connected
PARTITIONS = 3
STEADY_MS = 60_000
"""As the fixture has it: no replica takes over by itself because the machine is busy."""


@pytest.fixture
def lines(line):
    """A line on each primary: three partitions lie in three equal stretches of slots."""
    return [line(partition, PARTITIONS) for partition in range(PARTITIONS)]


def slot_of(line):
    return PartitionKeys("small-0123abcd", line.partition, line.partitions).slot


@asynccontextmanager
async def store_client(cluster):
    client = connect(cluster.url)
    await client.flushall()
    yield client
    await client.aclose()


async def until(condition, limit_s=30):
    async with asyncio.timeout(limit_s):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.01)


async def test_a_failover_of_every_primary_during_commits(lines, store_of, store_cluster):
    async def fail_over(line):
        before = await asyncio.to_thread(store_cluster.primary_of, slot_of(line))
        after = await asyncio.to_thread(store_cluster.replica_of, before)
        with redis.Redis(port=after.port) as client:
            client.execute_command("CLUSTER", "FAILOVER")
        await until(lambda: serves(store_cluster, line, after))

    async with store_client(store_cluster) as client:
        await asyncio.gather(
            *(line.during(store_of(client, line), lambda line=line: fail_over(line)) for line in lines)
        )
        for line in lines:
            await line.agrees(store_of(client, line))
    await asyncio.to_thread(store_cluster.wait_until_whole)


async def test_a_slot_that_nobody_serves_for_a_while(lines, store_of, store_cluster):
    line = lines[0]
    slot = slot_of(line)

    async def unserved():
        owner = await asyncio.to_thread(store_cluster.primary_of, slot)
        clients = [redis.Redis(port=node.port) for node in store_cluster.nodes]
        (own,) = [client for client in clients if client.connection_pool.connection_kwargs["port"] == owner.port]
        own.execute_command("CLUSTER", "DELSLOTS", slot)
        await line.waited(1)
        own.execute_command("CLUSTER", "ADDSLOTS", slot)
        for client in clients:
            client.close()

    async with store_client(store_cluster) as client:
        await line.during(store_of(client, line), unserved)
        await line.agrees(store_of(client, line))
    await asyncio.to_thread(store_cluster.wait_until_whole)


async def test_a_slot_moves_key_by_key_during_commits(lines, store_of, store_cluster):
    line = lines[1]
    slot = slot_of(line)

    async def move():
        source = await asyncio.to_thread(store_cluster.primary_of, slot)
        target = await asyncio.to_thread(store_cluster.primary_of, slot_of(lines[2]))
        with redis.Redis(port=source.port) as here, redis.Redis(port=target.port) as there:
            here_id, there_id = (node.execute_command("CLUSTER", "MYID").decode() for node in (here, there))
            there.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", here_id)
            here.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", there_id)
            keys = here.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1000)
            here.migrate("127.0.0.1", target.port, keys[:3], 0, 5000)
            await line.waited(1)  # TRYAGAIN: some keys are here and some are there
            while keys := here.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1000):
                here.migrate("127.0.0.1", target.port, keys, 0, 5000)
            await line.waited(1)  # ASK, then TRYAGAIN: all are there but those that never were, which may still be here
            for node in (there, here):
                node.execute_command("CLUSTER", "SETSLOT", slot, "NODE", there_id)

    async with store_client(store_cluster) as client:
        await line.during(store_of(client, line), move)
        await line.agrees(store_of(client, line))


async def test_kill_9_of_a_primary_during_commits(lines, store_of, store_cluster):
    """Its replica may lack the last commits: then the fence is older, and what is missing is applied again."""
    hit, *others = lines
    killed = []

    async def kill():
        before = await asyncio.to_thread(store_cluster.primary_of, slot_of(hit))
        after = await asyncio.to_thread(store_cluster.replica_of, before)
        await asyncio.to_thread(store_cluster.tolerate, 1000)
        before.kill()
        killed.append(before)
        await until(lambda: serves(store_cluster, hit, after))

    async def no_fault():
        return None

    async with store_client(store_cluster) as client:
        await asyncio.gather(
            hit.during(store_of(client, hit), kill),
            *(line.during(store_of(client, line), no_fault) for line in others),
        )
        for line in lines:
            await line.agrees(store_of(client, line))
    assert hit.noted.waits >= 1
    await asyncio.to_thread(killed[0].start)
    await asyncio.to_thread(store_cluster.wait_until_whole)
    await asyncio.to_thread(store_cluster.tolerate, STEADY_MS)


def serves(cluster, line, node):
    try:
        return cluster.primary_of(slot_of(line)) is node
    except LookupError:  # in between
        return False
