"""A Redis that can lose state is refused by name, by whoever keeps state there; unless somebody says it is a trial."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from kenko.runtime.errors import ConfigurationError
from kenko.store.checks import judge
from kenko.store.fitness import WAY_ROUND, refuse_unsafe

MODEL = Path(__file__).parents[2] / "examples" / "saas" / "model.yaml"
UNSAFE = judge({"redis_version": "6.2.14", "aof_enabled": 0}, {"maxmemory-policy": "allkeys-lru", "appendonly": "no"})
UNKNOWN = judge({"redis_version": "7.2.4"}, {})


def test_every_unsafe_finding_stands_on_a_line_with_its_mend_and_none_that_is_only_unknown():
    with pytest.raises(ConfigurationError) as refused:
        refuse_unsafe([*UNKNOWN, *UNSAFE], allowed=False)

    *lines, way_round = str(refused.value).splitlines()
    assert len(lines) == len(UNSAFE) == 3
    assert all(line.startswith("  KENKO_REDIS_URL: ") and f.mend in line for line, f in zip(lines, UNSAFE, strict=True))
    assert f"{WAY_ROUND}=true" in way_round


@pytest.mark.parametrize(("findings", "allowed"), [([], False), (UNKNOWN, False), (UNSAFE, True)])
def test_what_is_fit_not_known_or_allowed_passes(findings, allowed):
    refuse_unsafe(findings, allowed=allowed)


@pytest.fixture
def unsafe_redis(own_redis):
    with redis.Redis(port=own_redis.port) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("appendonly", "no")
    return own_redis


class Service:
    """A process of a service, and what it writes."""

    def __init__(self, name, environ, log):
        self.name, self.log = name, log
        with log.open("wb") as file:
            command = [sys.executable, "-m", f"services.{name}"]
            self.process = subprocess.Popen(command, env={**os.environ, **environ}, stdout=file, stderr=file)

    def lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@pytest.fixture
def start(unsafe_redis, tmp_path):
    """Starts both services that keep state, on it, with no Kafka."""
    environ = {
        "KENKO_REDIS_URL": unsafe_redis.url,
        "KENKO_KAFKA_URL": "kafka://127.0.0.1:1",
        "KENKO_MODEL": str(MODEL),
        "KENKO_OPS_PORT": "0",
        "KENKO_LOG_FORMAT": "json",
    }
    services = []

    def run(**more):
        services.extend(Service(name, environ | more, tmp_path / f"{name}.log") for name in ("scorer", "alerter"))
        return services

    yield run
    for service in services:
        service.process.kill()
        service.process.wait(10)


@pytest.mark.connected
async def test_services_on_an_unsafe_redis_end_with_code_2_and_say_what_to_change(start):
    for service in start():
        assert await asyncio.to_thread(service.process.wait, 40) == 2
        said = service.log.read_text()
        assert "Set maxmemory-policy to noeviction." in said
        assert "Set appendonly to yes" in said


@pytest.mark.connected
async def test_a_trial_goes_on_with_a_warning(start):
    for service in start(**{WAY_ROUND: "true"}):
        # Behind Redis it waits for Kafka, which is not there.
        async with asyncio.timeout(40):
            while not any(line.get("cause") == "kafka" for line in service.lines()):
                await asyncio.sleep(0.05)
        warned = [line["check"] for line in service.lines() if line["event"] == f"{service.name}.redis_unfit"]
        assert warned == ["eviction", "persistence"]
