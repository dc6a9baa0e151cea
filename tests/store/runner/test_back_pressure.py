"""Redis is full, loading, busy, read-only, slow or hangs up, in mid-stream: the runner waits, loses nothing, goes on."""

from __future__ import annotations

import asyncio
import threading

import pytest
import redis

from kenko.store.client import connect

pytestmark = pytest.mark.connected


@pytest.fixture
async def client(own_redis):
    async with connect(own_redis.url) as client:
        yield client


@pytest.fixture
def administrator(own_redis):
    with redis.Redis(port=own_redis.port, retry=None) as client:
        yield client


async def test_memory_is_full_and_then_raised(line, store_of, client, administrator):
    line = line()

    async def full():
        administrator.config_set("maxmemory", 1)
        await line.waited()
        administrator.config_set("maxmemory", 0)

    await line.during(store_of(client, line), full)
    assert line.noted.waits >= 2
    await line.agrees(store_of(client, line))


async def test_a_restart_that_loads_for_long(line, store_of, own_redis, administrator):
    line = line()
    with administrator.pipeline(transaction=False) as pipeline:
        for number in range(6000):  # while it loads, it answers after each 1,024 commands
            pipeline.set(f"filler-{number}", number)
        pipeline.execute()
    own_redis.options += ("--key-load-delay", "100")
    loading = []

    async def restart():
        own_redis.stop()
        starting = asyncio.create_task(asyncio.to_thread(own_redis.start))
        while not starting.done():
            loading.append(await asyncio.to_thread(says, administrator))
        await starting

    async with connect(own_redis.url, retry=None) as client:  # ours would try often enough to outlast so short a load
        await line.during(store_of(client, line), restart)
        assert any("loading" in answer.lower() for answer in loading)
        assert line.noted.waits >= 1
        await line.agrees(store_of(client, line))


def says(client):
    """What the server answers now."""
    try:
        return str(client.get("filler-1"))
    except redis.RedisError as error:
        return str(error)


async def test_a_script_of_somebody_else_does_not_end(line, store_of, client, own_redis, administrator):
    line = line()
    administrator.config_set("busy-reply-threshold", 10)

    def block():
        with redis.Redis(port=own_redis.port, socket_timeout=None) as other, pytest.raises(redis.ResponseError):
            other.eval("while true do end", 0)

    async def busy():
        blocked = threading.Thread(target=block)
        blocked.start()
        await line.waited()
        administrator.script_kill()
        await asyncio.to_thread(blocked.join, 20)
        assert not blocked.is_alive()

    await line.during(store_of(client, line), busy)
    await line.agrees(store_of(client, line))


async def test_the_primary_has_become_a_replica(line, store_of, client, administrator):
    line = line()

    async def read_only():
        administrator.replicaof("127.0.0.1", 1)
        await line.waited()
        administrator.replicaof("NO", "ONE")

    await line.during(store_of(client, line), read_only)
    await line.agrees(store_of(client, line))


class Proxy:
    """Stands between the runner and Redis. Each fault hits `left` connections, or answers."""

    def __init__(self, port):
        self.redis_port, self.left, self.fault, self.hits = port, 0, None, 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/0"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def hit(self, fault, times):
        """Until `fault` has hit so many times."""
        self.fault, self.left = fault, times
        while self.left:
            await asyncio.sleep(0.002)

    def _hits(self, fault):
        if self.fault != fault or not self.left:
            return False
        self.left -= 1
        self.hits += 1
        return True

    async def _serve(self, reader, writer):
        there_reader, there = await asyncio.open_connection("127.0.0.1", self.redis_port)

        async def answers():
            while data := await there_reader.read(65_536):
                if self._hits("answer lost"):
                    writer.transport.abort()
                    break
                if self._hits("slow"):
                    await asyncio.sleep(2.0)
                writer.write(data)

        answering = asyncio.create_task(answers())
        try:
            while data := await reader.read(65_536):
                if self._hits("request cut"):
                    there.write(data[: len(data) // 2])
                    await there.drain()
                    writer.transport.abort()
                    break
                there.write(data)
            # What Redis was sent as a whole it works off, whether anybody hears of it or not.
            there.write_eof()
            await answering
        except ConnectionError:
            pass
        finally:
            answering.cancel()
            there.close()
            writer.close()


@pytest.mark.parametrize(("fault", "times"), [("request cut", 6), ("answer lost", 6), ("slow", 1)])
async def test_connections_break_in_mid_command_and_answers_are_slow(line, store_of, own_redis, fault, times):
    line = line()
    async with Proxy(own_redis.port) as proxy:
        async with connect(proxy.url) as client:
            await line.during(store_of(client, line), lambda: proxy.hit(fault, times))
        assert proxy.hits == times
        async with connect(own_redis.url) as direct:
            await line.agrees(store_of(direct, line))
