"""What uvloop says of a connection that was reset: clients of Kafka and Redis have to take it for what it is."""

import asyncio

import pytest
import uvloop

from kenko.runtime.errors import TransientError, is_closed_connection
from kenko.store import redis_errors
from kenko.stream import kafka_errors


@pytest.fixture(scope="module")
def said():
    """What it really raises, whatever its version."""

    async def write_to_a_reset_connection():
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.transport.abort()
        for _ in range(3):
            await asyncio.sleep(0)
        with pytest.raises(RuntimeError) as caught:
            writer.writelines([b"PING"])
        server.close()
        return caught.value

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(write_to_a_reset_connection())


@pytest.mark.parametrize("client", [redis_errors, kafka_errors])
def test_it_is_tried_again(said, client):
    with pytest.raises(TransientError) as caught, client.translated():
        raise said
    assert caught.value.__cause__ is said


@pytest.mark.parametrize("client", [redis_errors, kafka_errors])
def test_any_other_of_its_kind_is_a_mistake_of_ours(client):
    assert not is_closed_connection(RuntimeError("dictionary changed size during iteration"))
    with pytest.raises(RuntimeError, match="dictionary"), client.translated():
        raise RuntimeError("dictionary changed size during iteration")
