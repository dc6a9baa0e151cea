"""Broker, Redis and all services on this machine, for `kenko up` and `kenko demo`."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from kenko.cli.local_info import HOME, LocalInfo, remove_info, write_info
from kenko.cli.service_process import ServiceDiedError, ServiceProcess
from kenko.embedded.ports import LOOPBACK, free_port
from kenko.embedded.stack import EmbeddedStack
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings, SettingsT, read_settings
from kenko.stream.topics import ensure_topics
from services.alerter.settings import AlerterSettings

SERVICES = ("scorer", "alerter", "ingest")
READY_TIMEOUT_S = 90.0
POLL_S = 0.05


@dataclass(frozen=True)
class StackOptions:
    """What a local stack is started with."""

    model: Path
    time: Literal["wall", "log"] = "wall"
    environ: Mapping[str, str] = field(default_factory=dict)
    """More settings for the services, over those of the environment."""
    private: bool = False
    """On servers of your own: topics and keys with a prefix of this run, so that nothing is mixed with what is there."""
    key: str | None = None
    """API key of ingest; by default a new one."""
    port: int = 0
    """Port of ingest; 0 takes a free one."""
    home: Path = HOME
    services: tuple[str, ...] = SERVICES


class LocalStack:
    """Sync context manager. It ends just what it started; its logs stay in `.kenko/<run>/`."""

    def __init__(self, options: StackOptions) -> None:
        self._options = options
        self._closing = ExitStack()
        self._services: list[ServiceProcess] = []
        self._info: LocalInfo | None = None
        self._environ: dict[str, str] = {}
        self.given = [name for name in ("KENKO_KAFKA_URL", "KENKO_REDIS_URL") if os.environ.get(name)]
        """Servers that the environment names; what it does not name is started here, empty."""

    @property
    def info(self) -> LocalInfo:
        if self._info is None:
            raise RuntimeError("this stack has not been started")
        return self._info

    def environ(self) -> dict[str, str]:
        """The environment that its services run in, to start another one by hand."""
        if self._info is None:
            raise RuntimeError("this stack has not been started")
        return dict(self._environ)

    def settings(self) -> Settings:
        """What the services run with."""
        return _settings_of(Settings, self.environ())

    def alerter_settings(self) -> AlerterSettings:
        """What the alerter runs with: its policy decides which alerts are told."""
        return _settings_of(AlerterSettings, self._environ)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def service(self, name: str) -> ServiceProcess:
        """The process of one service, for a test that ends it and starts it again."""
        return next(service for service in self._services if service.name == name)

    def check(self) -> None:
        """Raises ServiceDiedError if a service has ended."""
        for service in self._services:
            service.check()

    def stop(self) -> None:
        """End what was started, in the reverse order. May be called twice."""
        self._closing.close()

    def _start(self) -> None:
        options = self._options
        run = f"{SystemClock().now_ms()}-{secrets.token_hex(3)}"
        logs = options.home.resolve() / run
        logs.mkdir(parents=True)
        environ = {**self._servers(logs), **os.environ, **options.environ}
        environ |= {"KENKO_MODEL": str(options.model.resolve()), "KENKO_TIME": options.time}
        environ.setdefault("KENKO_LOG_FORMAT", "json")
        if options.private and self.given:
            environ |= {"KENKO_TOPIC_PREFIX": f"kenko-{run}.", "KENKO_REDIS_PREFIX": f"kenko-{run}"}
        key = options.key or secrets.token_urlsafe(24)
        port = options.port or free_port()
        environ |= {"KENKO_INGEST_HOST": LOOPBACK, "KENKO_INGEST_PORT": str(port), "KENKO_INGEST_KEYS": key}
        self._environ = environ
        settings = _settings_of(Settings, environ)
        asyncio.run(
            ensure_topics(
                settings.kafka_url,
                partitions=settings.partitions,
                replication=settings.kafka_replication,
                prefix=settings.topic_prefix,
            )
        )
        self._info = LocalInfo(
            run=run,
            pid=os.getpid(),
            ingest_url=f"http://{LOOPBACK}:{port}",
            key=key.split(",")[0],
            kafka_url=settings.kafka_url,
            redis_url=settings.redis_url.get_secret_value(),
            partitions=settings.partitions,
            topic_prefix=settings.topic_prefix,
            redis_prefix=settings.redis_prefix,
            model=options.model.resolve(),
            time=options.time,
            kafka_idempotence=settings.kafka_idempotence,
            logs=logs,
        )
        self._start_services(environ, logs)
        self._info = self._info.model_copy(update={"ops_urls": {s.name: s.ops_url for s in self._services}})
        write_info(options.home, self._info)
        self._closing.callback(remove_info, options.home, run)

    def _servers(self, logs: Path) -> dict[str, str]:
        """Settings of our own small servers; none where the environment names both."""
        if len(self.given) == 2:
            return {}
        stack = EmbeddedStack(logs)
        self._closing.enter_context(stack)
        return stack.environ()

    def _start_services(self, environ: Mapping[str, str], logs: Path) -> None:
        self._closing.callback(self._stop_services)
        for name in self._options.services:
            service = ServiceProcess(name, environ=environ, log=logs / f"{name}.log")
            self._services.append(service)
            service.start()
        clock = SystemClock()
        deadline = clock.monotonic() + READY_TIMEOUT_S
        waiting = list(self._services)
        while waiting:
            self.check()
            waiting = [service for service in waiting if not service.ready()]
            if waiting and clock.monotonic() > deadline:
                ends = "\n".join(f"{service.log} ends:\n{service.log_end()}" for service in waiting)
                raise ServiceDiedError(f"not ready within {READY_TIMEOUT_S:.0f} s: {ends}")
            time.sleep(POLL_S)

    def _stop_services(self) -> None:
        for service in self._services:
            service.ask_to_stop()
        for service in self._services:
            service.wait_stopped()
        self._services.clear()


def _settings_of(cls: type[SettingsT], environ: Mapping[str, str]) -> SettingsT:
    """The settings that a process with this environment would read."""
    names = {name: str(field.validation_alias or f"KENKO_{name.upper()}") for name, field in cls.model_fields.items()}
    return read_settings(cls, **{name: environ[key] for name, key in names.items() if environ.get(key)})
