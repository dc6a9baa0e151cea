"""A running ingest: the real HTTP server on a free loopback port, over the sink in memory."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.registry import CollectorRegistry
from starlette.requests import Request
from starlette.responses import JSONResponse

from kenko.dialects.cloudevents import decode_record
from kenko.engine.partition import Outcome, PartitionFold
from kenko.engine.scorer import Scorer
from kenko.model import load_model
from kenko.runtime.api_keys import KnownKeys
from kenko.runtime.clock import SystemClock
from kenko.runtime.errors import TransientError
from kenko.runtime.watched_file import WatchedFile
from schemas.base import from_ms
from schemas.topics import Topic
from schemas.usage_event import UsageEvent
from services.ingest.budget import Budget
from services.ingest.cors import readable_by_pages
from services.ingest.handler import IngestHandler
from services.ingest.metrics import IngestMetrics
from services.ingest.problem_book import ProblemBook
from services.ingest.server import admission, http_server, key_file, listen
from services.ingest.settings import IngestSettings
from services.ingest.sink import EventSink, MemorySink, Outgoing

KEY = "a-key-for-the-tests-of-ingest"
EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass
class Ingest:
    """What a test needs of a running ingest."""

    url: str
    port: int
    sink: Any
    registry: CollectorRegistry
    session: aiohttp.ClientSession
    handler: IngestHandler
    keys: WatchedFile[KnownKeys] | None

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


class Front:
    """Stands before a running ingest: refuses the first POSTs with a status, and notes how the bodies were compressed."""

    def __init__(self, status: int = 503, first: int = 0) -> None:
        self.status = status
        self.left = first
        self.posts = 0
        self.encodings: set[str] = set()
        self.app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        self.posts += 1
        self.encodings.add(request.headers.get("content-encoding", ""))
        if not self.left:
            await self.app(scope, receive, send)
            return
        self.left -= 1
        await request.body()
        answer = {"code": "later", "message": "later", "error": "later"}
        await readable_by_pages(JSONResponse(answer, self.status, {"Retry-After": "1"}))(scope, receive, send)


class ForgetfulSink(MemorySink):
    """Keeps what it is given, and the first times says that it did not: as when Kafka's answer is lost."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.left = first

    async def write(self, records: Sequence[Outgoing]) -> None:
        await super().write(records)
        if self.left:
            self.left -= 1
            raise TransientError("Kafka does not answer", retry_after_s=1)


@asynccontextmanager
async def _running(sink: EventSink | None = None, front: Front | None = None, **given: Any) -> AsyncIterator[Ingest]:
    settings = IngestSettings(**{"ingest_keys": KEY, "ingest_port": 0, **given})
    registry = CollectorRegistry()
    metrics = IngestMetrics(registry)
    keys = key_file(settings, metrics)
    handler = IngestHandler(
        settings=settings,
        admission=admission(settings, keys, SystemClock(), metrics),
        sink=sink if sink is not None else MemorySink(),
        clock=SystemClock(),
        metrics=metrics,
        problems=ProblemBook(from_ms(SystemClock().now_ms())),
        budget=Budget(settings.ingest_max_in_flight_bytes, metrics.in_flight_bytes.set),
    )
    with listen(settings) as listener:
        port = listener.getsockname()[1]
        server = http_server(handler, settings)
        if front is not None:
            front.app, server.config.app = server.config.app, front
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{port}/v1/events"
            try:
                yield Ingest(url, port, handler.sink, registry, session, handler, keys)
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
def front() -> type[Front]:
    return Front


@pytest.fixture
def forgetful_sink() -> type[ForgetfulSink]:
    return ForgetfulSink


@pytest.fixture
def fold() -> Callable[[Ingest], Counter[Outcome]]:
    """What the scorer makes of the records that an ingest has written: how many of each outcome."""

    def apply(ingest: Ingest) -> Counter[Outcome]:
        now_ms = SystemClock().now_ms()
        model = load_model((EXAMPLES / "models/default.yaml").read_text(encoding="utf-8"))
        partition = PartitionFold(Scorer(model), partition=0, now_ms=now_ms)
        outcomes: Counter[Outcome] = Counter()
        for offset, record in enumerate(ingest.sink.of(Topic.USAGE_EVENTS)):
            event = decode_record(record.key, record.value, record.headers, now_ms)
            assert isinstance(event, UsageEvent)
            partition.adopt(dict.fromkeys(partition.missing([event.account_id])))
            outcomes[partition.apply(offset, event)] += 1
        return outcomes

    return apply


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
