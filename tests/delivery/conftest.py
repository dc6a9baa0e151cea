"""A receiver on loopback that behaves as it is told, and an alert to tell it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from kenko.alerting.decide import decide
from kenko.alerting.policy import AlertPolicy
from kenko.delivery.client import GuardedClient
from schemas.alert import AlertMessage, Notice
from schemas.base import from_ms
from schemas.health import Contribution, Standing, Zone
from schemas.transition import Cause, Receipt, ScoreChange, Transition

NOW_MS = 1_772_323_200_000
Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeReceiver:
    """Real HTTP on loopback. `behave` answers; what came is kept."""

    def __init__(self) -> None:
        self.behave: Behaviour = self.status(200)
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.port = 0
        self.ended = asyncio.Event()
        """Set when a streaming answer was cut off by the other side."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @staticmethod
    def status(status: int, headers: dict[str, str] | None = None, body: bytes = b"ok") -> Behaviour:
        async def behave(_request: web.Request) -> web.StreamResponse:
            return web.Response(status=status, headers=headers, body=body)

        return behave

    def stream(self, status: int, chunk: bytes, pause_s: float) -> Behaviour:
        """An answer that never ends by itself."""

        async def behave(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(status=status)
            try:
                await response.prepare(request)
                while True:
                    await response.write(chunk)
                    await asyncio.sleep(pause_s)
            except (ConnectionError, asyncio.CancelledError):
                self.ended.set()
                raise

        return behave

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        return await self.behave(request)


@pytest.fixture
async def receiver():
    fake = FakeReceiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", fake.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.port = runner.addresses[0][1]
    yield fake
    await runner.cleanup()


@pytest.fixture
async def client():
    async with GuardedClient(allow_private=True, timeout_s=1.0) as guarded:
        yield guarded


@pytest.fixture
def message():
    def make(inputs: int = 1, label: str = "Active users") -> AlertMessage:
        parts = tuple(
            Contribution(
                group="g", signal=f"s{i}", label=label, value=3.0, health=10.0, weight=1 / inputs, points=0.01 * (i % 3)
            )
            for i in range(inputs)
        )
        score = sum(round(part.points * 100) for part in parts) / 100
        transition = Transition(
            id="t1",
            account_id="Acme",
            model="default",
            score_hash="0",
            from_zone=Zone.YELLOW,
            to_zone=Zone.RED,
            time=from_ms(NOW_MS),
            partition=0,
            offset=7,
            cause=Cause.BEHAVIOUR,
            receipt=Receipt(
                score=score,
                standing=Standing.SCORED,
                contributions=parts,
                change=ScoreChange(before=None, after=score),
            ),
        )
        alert = decide(None, transition, NOW_MS, AlertPolicy(receivers=("r",))).alert
        return AlertMessage(type=Notice.FIRING, timestamp=alert.updated_at, data=alert)

    return make
