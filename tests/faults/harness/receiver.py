"""The receiver: verifies, answers as it is told, and keeps a record of its own."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from aiohttp import web
from standardwebhooks import Webhook

from kenko.runtime.clock import SystemClock
from schemas.base import to_ms

SECRET = "whsec_a2Vua28ta2Vua28ta2Vua28ta2Vua28tdGVzdA=="


@dataclass(frozen=True)
class Answer:
    status: int = 204
    after_s: float = 0.0
    retry_after: str | None = None


@dataclass(frozen=True)
class Try:
    """One request, in the order they came."""

    message_id: str
    account_id: str
    status: int
    latency_ms: int
    """From the tick that caused it to its arrival here."""


class Receiver:
    """Async context manager. `answer(message id, how often it came before)` decides; by default 204."""

    def __init__(self) -> None:
        self.tries: list[Try] = []
        self._clock = SystemClock()
        self.answer: Callable[[str, int], Answer] = lambda _id, _before: Answer()
        self.port = 0
        self._came: Counter[str] = Counter()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        app = web.Application()
        app.router.add_post("/alerts", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """From now on connections are refused."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    def answered(self) -> Counter[str]:
        """How often each message id was answered with 2xx."""
        return Counter(t.message_id for t in self.tries if 200 <= t.status < 300)

    def p99_ms(self, since: int) -> int:
        """Latency of all but one in a hundred of the tries from number `since` on."""
        latencies = sorted(t.latency_ms for t in self.tries[since:])
        return latencies[len(latencies) * 99 // 100] if latencies else 0

    def overtaken(self) -> list[str]:
        """Ids of ends that were taken before their beginning was (I6)."""
        first: dict[str, int] = {}
        for number, one in enumerate(self.tries):
            if 200 <= one.status < 300:
                first.setdefault(one.message_id, number)
        ends = [i for i in first if i.endswith("-resolved")]
        return [i for i in ends if first.get(i.removesuffix("resolved") + "firing", len(self.tries)) > first[i]]

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        Webhook(SECRET).verify(body, dict(request.headers))
        message_id = request.headers["webhook-id"]
        answer = self.answer(message_id, self._came[message_id])
        self._came[message_id] += 1
        if answer.after_s:
            await asyncio.sleep(answer.after_s)
        message = json.loads(body)
        late_ms = self._clock.now_ms() - to_ms(datetime.fromisoformat(message["timestamp"]))
        self.tries.append(Try(message_id, message["data"]["account_id"], answer.status, late_ms))
        headers = {} if answer.retry_after is None else {"Retry-After": answer.retry_after}
        return web.Response(status=answer.status, headers=headers)
