"""Clients from URLs."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis, RedisCluster

from kenko.store.client import CONNECT_TIMEOUT_S, HEALTH_CHECK_S, REPLY_TIMEOUT_S, connect


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://127.0.0.1:6379/2", Redis),
        ("rediss://:secret@redis.example:6380", Redis),
        ("unix:///run/redis.sock", Redis),
        ("redis+cluster://127.0.0.1:6379", RedisCluster),
        ("rediss+cluster://:secret@redis.example:6379", RedisCluster),
    ],
)
async def test_the_scheme_decides_which_client_it_is(url, kind):
    client = connect(url)
    assert isinstance(client, kind)
    await client.aclose()


async def test_timeouts_are_set_and_can_be_changed():
    client = connect("redis://127.0.0.1:6379/2", socket_timeout=0.5)
    settings = client.connection_pool.connection_kwargs
    assert settings["socket_timeout"] == 0.5
    assert settings["socket_connect_timeout"] == CONNECT_TIMEOUT_S < REPLY_TIMEOUT_S
    assert settings["health_check_interval"] == HEALTH_CHECK_S
    assert settings["db"] == 2
    await client.aclose()


def test_another_scheme_is_refused():
    with pytest.raises(ValueError, match="scheme"):
        connect("http://127.0.0.1:6379")


def test_a_password_is_not_shown():
    assert "s3cret" not in repr(connect("redis://:s3cret@127.0.0.1:6379"))
    assert "s3cret" not in repr(connect("redis+cluster://:s3cret@127.0.0.1:6379"))
