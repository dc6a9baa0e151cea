"""Logging: one JSON object a line on standard output, for people when that is a terminal.

Log events are `<service>.<past_tense>` with facts as keywords. No payload and no secret at any level.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from kenko.runtime.clock import Clock, SystemClock
from kenko.runtime.log_repeats import Repeats
from schemas.base import from_ms

_HIDDEN: Final = "[hidden]"
_SECRET_NAMES: Final = frozenset(
    {"authorization", "password", "secret", "token", "api_key", "key", "keys", "cookie", "x-api-key", "webhook_url"}
)
_URL_LOGIN: Final = re.compile(r"(?<=://)[^/@\s]*@")
_LOUD: Final = ("aiokafka", "asyncio", "faust", "kafka", "mode", "uvicorn", "uvicorn.error")
"""Libraries that install handlers or levels of their own: theirs are removed, their records go through ours."""
_REPEATING: Final = ("aiokafka",)
_ONLY_WARNINGS: Final = ("aiokafka", "asyncio", "aiohttp.access", "uvicorn.access")


def configure_logging(
    service: str,
    level: str = "info",
    form: str = "auto",
    *,
    clock: Clock | None = None,
    stream: TextIO | None = None,
) -> None:
    """Route structlog and the standard library's loggers to `stream`, standard output by default. Safe to call again."""
    stream, clock = stream or sys.stdout, clock or SystemClock()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _Stamp(service, clock),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    console = form == "console" or (form == "auto" and stream.isatty())
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(pad_event_to=30) if console else structlog.processors.JSONRenderer(default=str)
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    if level != "debug":
        handler.addFilter(Repeats(_REPEATING, clock))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _LOUD:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    if level != "debug":
        for name in _ONLY_WARNINGS:
            logging.getLogger(name).setLevel(logging.WARNING)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module; usable before `configure_logging`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Values under a secret's name, and logins inside URLs, never reach the output."""
    return {name: _HIDDEN if name.lower() in _SECRET_NAMES else _clean(value) for name, value in event.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _URL_LOGIN.sub(_HIDDEN + "@", value) if "://" in value else value
    if isinstance(value, Mapping):
        return {k: _HIDDEN if str(k).lower() in _SECRET_NAMES else _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(v) for v in value]
    return value


class _Stamp:
    """Adds the time (RFC 3339, UTC, milliseconds) and the service to each line."""

    def __init__(self, service: str, clock: Clock) -> None:
        self._service = service
        self._clock = clock

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["timestamp"] = from_ms(self._clock.now_ms()).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event["service"] = self._service
        return event
