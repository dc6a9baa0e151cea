"""Is a Redis fit to hold state?"""

from __future__ import annotations

import pytest

from kenko.runtime.errors import TransientError
from kenko.store.checks import Check, Severity, check_redis, judge
from kenko.store.client import connect

GOOD_INFO = {"redis_version": "8.2.3", "maxmemory_policy": "noeviction", "aof_enabled": 1}
GOOD_CONFIG = {"maxmemory-policy": "noeviction", "appendonly": "yes"}


@pytest.mark.parametrize(
    ("info", "config", "findings"),
    [
        (GOOD_INFO, GOOD_CONFIG, []),
        # CONFIG is forbidden, INFO says enough
        (GOOD_INFO, {}, []),
        # CONFIG is forbidden, and INFO is kept short
        (
            {"redis_version": "7.2.4"},
            {},
            [(Check.EVICTION, Severity.UNKNOWN), (Check.PERSISTENCE, Severity.UNKNOWN)],
        ),
        ({}, GOOD_CONFIG, [(Check.VERSION, Severity.UNKNOWN)]),
        (GOOD_INFO | {"redis_version": "6.2.14"}, GOOD_CONFIG, [(Check.VERSION, Severity.UNSAFE)]),
        (GOOD_INFO, GOOD_CONFIG | {"maxmemory-policy": "allkeys-lru"}, [(Check.EVICTION, Severity.UNSAFE)]),
        (GOOD_INFO | {"maxmemory_policy": "volatile-ttl"}, {}, [(Check.EVICTION, Severity.UNSAFE)]),
        (GOOD_INFO | {"aof_enabled": 0}, {"appendonly": "no"}, [(Check.PERSISTENCE, Severity.UNSAFE)]),
        (GOOD_INFO | {"aof_enabled": 0}, {}, [(Check.PERSISTENCE, Severity.UNSAFE)]),
    ],
)
def test_what_is_found(info, config, findings):
    assert [(f.check, f.severity) for f in judge(info, config)] == findings


def test_a_finding_says_what_why_and_how_to_mend_it():
    (finding,) = judge(GOOD_INFO, GOOD_CONFIG | {"maxmemory-policy": "allkeys-lru"})
    assert str(finding) == (
        "maxmemory-policy is allkeys-lru: when memory is full Redis drops accounts in silence instead of refusing to "
        "write. Set maxmemory-policy to noeviction."
    )


@pytest.mark.connected
async def test_a_good_server_has_no_findings(store_client):
    assert await check_redis(store_client) == []


@pytest.mark.connected
async def test_a_good_cluster_has_no_findings(cluster_client):
    assert await check_redis(cluster_client) == []


@pytest.mark.connected
async def test_several_nodes_with_the_same_fault_give_one_finding(two_nodes):
    client = connect(f"redis+cluster://127.0.0.1:{two_nodes[0].port}")
    await client.config_set("maxmemory-policy", "allkeys-lru", target_nodes="all")
    assert [f.check for f in await check_redis(client)] == [Check.EVICTION]
    await client.aclose()


@pytest.mark.connected
async def test_a_bad_server_is_found_out(own_redis):
    client = connect(own_redis.url)
    await client.config_set("maxmemory-policy", "allkeys-lru")
    await client.config_set("appendonly", "no")
    assert [f.check for f in await check_redis(client)] == [Check.EVICTION, Check.PERSISTENCE]
    await client.aclose()


@pytest.mark.connected
async def test_a_server_that_forbids_config_is_judged_by_its_info(own_redis):
    client = connect(own_redis.url)
    await client.config_set("maxmemory-policy", "allkeys-lru")
    await client.acl_setuser("guest", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-config"])
    async with connect(own_redis.url, username="guest", password="any") as guest:
        assert [f.check for f in await check_redis(guest)] == [Check.EVICTION]
    await client.aclose()


async def test_a_server_that_is_away_is_a_transient_error():
    client = connect("redis://127.0.0.1:1/0", retry=None)
    with pytest.raises(TransientError):
        await check_redis(client)
    await client.aclose()
