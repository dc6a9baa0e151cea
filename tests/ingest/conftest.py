"""A running ingest: the real HTTP server on a free loopback port, over the sink in memory."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from prometheus_client.registry import CollectorRegistry

from kenko.runtime.clock import SystemClock
from services.ingest.auth import Keyring
from services.ingest.budget import Budget
from services.ingest.handler import IngestHandler
from services.ingest.metrics import IngestMetrics
from services.ingest.server import http_server, listen
from services.ingest.settings import IngestSettings
from services.ingest.sink import EventSink, MemorySink

KEY = "a-key-for-the-tests-of-ingest"


@dataclass
class Ingest:
    """What a test needs of a running ingest."""

    url: str
    port: int
    sink: Any
    registry: CollectorRegistry
    session: aiohttp.ClientSession
    handler: IngestHandler

    async def post(self, data: Any, content_type: str = "application/json", **headers: str) -> tuple[int, Any]:
        """Status and parsed body; the key goes along unless the headers say who sends."""
        sent = {"Content-Type": content_type, "X-API-Key": KEY} | {k.replace("_", "-"): v for k, v in headers.items()}
        body = io.BytesIO(data) if isinstance(data, bytes) else data
        async with self.session.post(self.url, data=body, headers=sent) as response:
            return response.status, await response.json(content_type=None)

    def metric(self, name: str, **labels: str) -> float:
        value = self.registry.get_sample_value(name, labels)
        assert value is not None, f"{name} {labels} is not there"
        return value


Start = Callable[..., AbstractAsyncContextManager[Ingest]]


@asynccontextmanager
async def _running(sink: EventSink | None = None, **given: Any) -> AsyncIterator[Ingest]:
    settings = IngestSettings(**{"ingest_keys": KEY, "ingest_port": 0, **given})
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    handler = IngestHandler(
        settings=settings,
        keyring=Keyring(settings.ingest_keys),
        sink=sink if sink is not None else MemorySink(),
        clock=SystemClock(),
        metrics=metrics,
        budget=Budget(settings.ingest_max_in_flight_bytes, metrics.in_flight_bytes.set),
    )
    with listen(settings) as listener:
        port = listener.getsockname()[1]
        server = http_server(handler, settings)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{port}/v1/events"
            try:
                yield Ingest(url, port, handler.sink, registry, session, handler)
            finally:
                server.should_exit = True
                await serving


@pytest.fixture
def start() -> Start:
    """Start an ingest with a sink and settings of one's own."""
    return _running


@pytest.fixture
async def ingest() -> AsyncIterator[Ingest]:
    async with _running() as running:
        yield running


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """Wait for a condition, at most 60 s."""

    async def wait(condition: Callable[[], Any], why: str = "the condition never held") -> None:
        deadline = SystemClock().monotonic() + 60
        while True:
            result = condition()
            if asyncio.iscoroutine(result):
                result = await result
            if result:
                return
            assert SystemClock().monotonic() < deadline, why
            await asyncio.sleep(0.02)

    return wait
