"""A receiver of alerts on this machine: checks each signature, answers, and remembers what it saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web
from pydantic import ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from kenko.embedded.ports import LOOPBACK
from schemas.alert import AlertMessage

PATH = "/alerts"


@dataclass
class Received:
    """What came in."""

    messages: dict[str, AlertMessage] = field(default_factory=dict)
    """By message id: a receiver that dedupes on it sees these."""
    times: Counter[str] = field(default_factory=Counter)
    """How often each id came."""
    refused: list[str] = field(default_factory=list)
    """Requests with a wrong signature or body, in words."""


class LocalReceiver:
    """Async context manager; listens on `port` of the loopback."""

    def __init__(self, *, port: int, secret: str, tell: Callable[[AlertMessage], None]) -> None:
        self.received = Received()
        self._port = port
        self._webhook = Webhook(secret)
        self._tell = tell
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post(PATH, self._take)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, self._port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.text()
        try:
            # The whole header set: the signature covers id, time and body.
            self._webhook.verify(body, dict(request.headers))
            message = AlertMessage.model_validate_json(body)
        except (WebhookVerificationError, ValidationError) as error:
            self.received.refused.append(f"{type(error).__name__}: {error}")
            return web.Response(status=400)
        message_id = request.headers["webhook-id"]
        self.received.times[message_id] += 1
        if message_id not in self.received.messages:
            self.received.messages[message_id] = message
            self._tell(message)
        return web.Response(status=204)


def url_of(port: int) -> str:
    """Where a receiver on `port` is told."""
    return f"http://{LOOPBACK}:{port}{PATH}"
