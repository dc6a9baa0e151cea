"""The process: sink, HTTP server, metrics and probes, started in this order and stopped in the reverse."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from kenko.runtime.api_keys import KnownKeys, read_key_file
from kenko.runtime.clock import Clock, SystemClock
from kenko.runtime.errors import ConfigurationError
from kenko.runtime.garbage import collect_garbage_rarely
from kenko.runtime.health import CheckResult, Probes
from kenko.runtime.lifecycle import Stop
from kenko.runtime.logging import get_logger
from kenko.runtime.ops_server import OpsServer
from kenko.runtime.watched_file import WatchedFile
from schemas.base import from_ms
from services.ingest.admission import Admission
from services.ingest.app import create_app
from services.ingest.auth import Keyring
from services.ingest.budget import Budget
from services.ingest.front_door import FrontDoor
from services.ingest.handler import APP, IngestHandler
from services.ingest.kafka_sink import KafkaSink
from services.ingest.metrics import IngestMetrics
from services.ingest.problem_book import ProblemBook
from services.ingest.protocol import guarded
from services.ingest.settings import IngestSettings

_log = get_logger(__name__)


class HttpServer(uvicorn.Server):
    """uvicorn without its signal handlers: the lifecycle has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def http_server(handler: IngestHandler, settings: IngestSettings) -> HttpServer:
    """The server over `handler`, not yet listening."""
    protocol = guarded(header_timeout_s=settings.ingest_read_timeout_s, max_connections=settings.ingest_max_connections)
    return HttpServer(
        uvicorn.Config(
            FrontDoor(handler, create_app(handler)),
            http=protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=int(settings.ingest_drain_timeout_s),
        )
    )


def listen(settings: IngestSettings) -> socket.socket:
    """The listening socket.

    Raises:
        ConfigurationError: the address is taken or not ours to take.
    """
    try:
        flags = socket.AI_PASSIVE
        address = socket.getaddrinfo(settings.ingest_host, settings.ingest_port, type=socket.SOCK_STREAM, flags=flags)[
            0
        ]
        # With the protocol named: asyncio turns Nagle's delay off (40 ms an answer) only where it says TCP.
        listener = socket.socket(address[0], socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise _cannot_listen(settings, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address[4])
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise _cannot_listen(settings, error) from error
    return listener


def _cannot_listen(settings: IngestSettings, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"  KENKO_INGEST_HOST={settings.ingest_host}, KENKO_INGEST_PORT={settings.ingest_port}:"
        f" cannot listen there ({error.strerror}). Choose another port; 0 takes a free one."
    )


def key_file(settings: IngestSettings, metrics: IngestMetrics) -> WatchedFile[KnownKeys] | None:
    """The keys file, if there is one. Raises ConfigurationError if it is broken."""
    if settings.keys_file is None:
        return None
    return WatchedFile(settings.keys_file, lambda path: KnownKeys(read_key_file(path).keys), metrics.keys_file_ok.set)


def admission(
    settings: IngestSettings, keys: WatchedFile[KnownKeys] | None, clock: Clock, metrics: IngestMetrics
) -> Admission:
    """Who is let in with these settings and these keys."""
    keyring = Keyring(settings.ingest_keys, None if keys is None else lambda: keys.content)
    return Admission(
        keyring,
        clock,
        metrics,
        events_per_second=settings.ingest_events_per_second,
        wrong_keys_per_second=settings.ingest_wrong_keys_per_second,
    )


async def serve(settings: IngestSettings, stop: Stop) -> None:
    """Run ingest until it is asked to stop; requests under way are finished first."""
    metrics = IngestMetrics()
    clock = SystemClock()
    keys = key_file(settings, metrics)
    sink = KafkaSink(settings, on_change=metrics.kafka_up.set)
    handler = IngestHandler(
        settings=settings,
        admission=admission(settings, keys, clock, metrics),
        sink=sink,
        clock=clock,
        metrics=metrics,
        problems=ProblemBook(from_ms(clock.now_ms())),
        budget=Budget(settings.ingest_max_in_flight_bytes, metrics.in_flight_bytes.set),
    )
    if keys is None and not settings.ingest_keys:
        _log.warning("ingest.open_to_anybody", reason="KENKO_ENV=dev and neither KENKO_INGEST_KEYS nor KENKO_KEYS_FILE")
    ops = OpsServer(
        service=APP,
        host=settings.ops_host,
        port=settings.ops_port,
        probes=Probes(ready={"kafka": sink.standing, "running": lambda: _running(stop)}),
    )
    with listen(settings) as listener:
        await ops.start()
        server = http_server(handler, settings)
        tasks = [
            asyncio.create_task(server.serve(sockets=[listener]), name="ingest.http"),
            asyncio.create_task(sink.run(), name="ingest.kafka"),
            asyncio.create_task(stop.wait(), name="ingest.stop"),
        ]
        if keys is not None:
            tasks.append(asyncio.create_task(keys.watch(), name="ingest.keys"))
        address = listener.getsockname()
        collect_garbage_rarely()
        _log.info("ingest.listening", url=f"http://{settings.ingest_host}:{address[1]}")
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _wind_down(server, sink, ops, tasks)


def _running(stop: Stop) -> CheckResult:
    return CheckResult(ok=not stop.requested, reason="stopping" if stop.requested else "running")


async def _wind_down(server: HttpServer, sink: KafkaSink, ops: OpsServer, tasks: list[asyncio.Task[None]]) -> None:
    """First the requests, then what they wait for. Raises what ended the service, if it was not asked to end."""
    http, *others = tasks
    server.should_exit = True
    await asyncio.wait([http])
    for task in others:
        task.cancel()
    await sink.stop()
    await ops.stop()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
