"""Every way in which Redis fails, and what the caller must do about it."""

from __future__ import annotations

import pytest
from redis import exceptions as redis
from redis._parsers.base import BaseParser

from kenko.runtime.errors import PermanentError, TransientError
from kenko.store.redis_errors import RedisRefusal, translate, translated

REPLIES = [
    # what the server says, what it means for the caller: seconds to wait, or why it is for a person
    ("OOM command not allowed when used memory > 'maxmemory'.", 5.0),
    ("MISCONF Errors writing to the AOF file: No space left on device", 5.0),
    ("LOADING Redis is loading the dataset in memory", 1.0),
    ("READONLY You can't write against a read only replica.", 1.0),
    ("CLUSTERDOWN The cluster is down", 1.0),
    ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 1.0),
    ("TRYAGAIN Multiple keys request during rehashing of slot", 1.0),
    ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", 1.0),
    ("NOREPLICAS Not enough good replicas to write.", 1.0),
    ("ERR max number of clients reached", 1.0),
    ("NOAUTH Authentication required.", RedisRefusal.CREDENTIALS),
    ("WRONGPASS invalid username-password pair or user is disabled.", RedisRefusal.CREDENTIALS),
    ("NOPERM User default has no permissions to run the 'evalsha' command", RedisRefusal.CREDENTIALS),
    ("MOVED 4819 10.0.0.2:6379", RedisRefusal.CLUSTER_URL_NEEDED),
    ("WRONGTYPE Operation against a key holding the wrong kind of value", RedisRefusal.COMMAND),
    ("ERR unknown command 'EVALSHA'", RedisRefusal.COMMAND),
    ("CROSSSLOT Keys in request don't hash to the same slot", RedisRefusal.COMMAND),
]

EXCEPTIONS = [
    redis.ConnectionError("Connection closed by server."),
    redis.TimeoutError("Timeout reading from socket"),
    redis.ClusterError("TTL exhausted."),
    redis.RedisClusterException("Redis Cluster cannot be connected."),
    redis.SlotNotCoveredError("slot 4819 is not covered"),
    redis.MaxConnectionsError("Too many connections"),
    ConnectionResetError(104, "Connection reset by peer"),
    BrokenPipeError(32, "Broken pipe"),
    TimeoutError(),
]


@pytest.mark.parametrize(("reply", "meaning"), REPLIES, ids=lambda value: str(value).partition(" ")[0])
def test_what_the_server_says(reply, meaning):
    error = translate(BaseParser.parse_error(reply))

    if isinstance(meaning, float):
        assert isinstance(error, TransientError)
        assert error.retry_after_s == meaning
    else:
        assert isinstance(error, PermanentError)
        assert error.reason == meaning


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda e: type(e).__name__)
def test_a_connection_that_fails_is_tried_again(exception):
    with pytest.raises(TransientError) as caught, translated():
        raise exception
    assert caught.value.__cause__ is exception
    assert type(exception).__name__ in str(caught.value)


def test_a_mistake_of_ours_is_let_through():
    with pytest.raises(KeyError), translated():
        raise KeyError("not of Redis")


def test_a_plain_client_on_a_cluster_is_told_which_url_it_needs():
    assert "redis+cluster://" in str(translate(redis.MovedError("4819 10.0.0.2:6379")))
