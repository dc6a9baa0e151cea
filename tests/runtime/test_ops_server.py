"""Metrics and probes on a port of their own."""

from __future__ import annotations

import aiohttp
import pytest
from prometheus_client import Counter
from prometheus_client.registry import CollectorRegistry

from kenko.runtime.errors import ConfigurationError
from kenko.runtime.health import CheckResult, Probes
from kenko.runtime.ops_server import OpsServer


def away() -> CheckResult:
    return CheckResult(ok=False, reason="Redis does not answer")


def broken() -> CheckResult:
    raise RuntimeError("planted")


@pytest.fixture
async def ops():
    registry = CollectorRegistry()
    Counter("kenko_test_things_total", "Things.", registry=registry).inc()
    checks = {"kafka": lambda: CheckResult(ok=True), "redis": away}
    server = OpsServer(
        service="test", port=0, probes=Probes(ready=checks, startup={"broken": broken}), registry=registry
    )
    await server.start()
    yield server
    await server.stop()
    await server.stop()


async def get(url: str, **headers: str) -> tuple[int, aiohttp.ClientResponse]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        await response.read()
        return response.status, response


async def test_a_probe_names_each_check_and_its_reason(ops) -> None:
    status, response = await get(f"{ops.url}/health/ready")
    assert (status, await response.json()) == (
        503,
        {
            "status": "failing",
            "checks": {
                "kafka": {"ok": True, "reason": ""},
                "redis": {"ok": False, "reason": "Redis does not answer"},
            },
        },
    )


async def test_live_without_checks_is_alive(ops) -> None:
    status, response = await get(f"{ops.url}/health/live")
    assert (status, await response.json()) == (200, {"status": "ok", "checks": {}})


async def test_a_check_that_breaks_has_failed_and_the_probe_has_not(ops) -> None:
    status, response = await get(f"{ops.url}/health/startup")
    assert status == 503
    assert "planted" in (await response.json())["checks"]["broken"]["reason"]


@pytest.mark.parametrize(
    ("accept", "kind"), [("", "text/plain"), ("application/openmetrics-text; version=1.0.0", "application/openmetrics")]
)
async def test_metrics_in_the_form_that_is_asked_for(ops, accept: str, kind: str) -> None:
    status, response = await get(f"{ops.url}/metrics", Accept=accept)
    assert status == 200
    assert response.headers["Content-Type"].startswith(kind)
    assert "kenko_test_things_total 1.0" in await response.text()


async def test_a_port_that_is_taken_is_a_mistake_of_the_settings(ops) -> None:
    with pytest.raises(ConfigurationError, match=f"KENKO_OPS_PORT={ops.port}"):
        await OpsServer(service="test", port=ops.port).start()
