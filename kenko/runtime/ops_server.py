"""Metrics and health probes, on a port of their own: /metrics, /health/live, /health/ready, /health/startup."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import CollectorRegistry

from kenko.runtime.errors import ConfigurationError
from kenko.runtime.health import Check, Probes, examine
from kenko.runtime.logging import get_logger

_log = get_logger(__name__)


class OpsServer:
    """Serves on the running event loop, so an answer also shows that the loop turns."""

    def __init__(
        self,
        *,
        service: str,
        port: int,
        host: str = "127.0.0.1",
        probes: Probes | None = None,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._service = service
        self._wanted_port = port
        self._host = host
        self._probes = probes or Probes()
        self._registry = registry
        self._runner: web.AppRunner | None = None
        self.port = port
        """The port it listens on; known after `start` where 0 was asked for."""

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: the port is taken or not ours to take.
        """
        app = web.Application(client_max_size=1024)
        app.router.add_get("/metrics", self._metrics)
        for name, checks in (
            ("live", self._probes.live),
            ("ready", self._probes.ready),
            ("startup", self._probes.startup),
        ):
            app.router.add_get(f"/health/{name}", _probe(checks))
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._wanted_port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise ConfigurationError(
                f"  KENKO_OPS_HOST={self._host}, KENKO_OPS_PORT={self._wanted_port}: cannot listen there"
                f" ({error.strerror}). Choose another port; 0 takes a free one."
            ) from error
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        _log.info(f"{self._service}.ops_listening", url=self.url)

    async def stop(self) -> None:
        """Stop listening. Safe to call again, or without a start."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})


def _probe(checks: Mapping[str, Check]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        report = examine(checks)
        return web.json_response(report.body(), status=200 if report.ok else 503, headers={"Cache-Control": "no-store"})

    return answer
