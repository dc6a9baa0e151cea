"""Outlast: the same call again, in place, until it succeeds. Nothing is skipped meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kenko.runtime.errors import ConfigurationError, KenkoError, PermanentError, TransientError
from kenko.runtime.logging import get_logger
from kenko.stream.patience import wait_s
from services.alerter.metrics import AlerterMetrics

REFUSED_RETRY_S = 5.0
"""What Redis or Kafka refuses until a person mends it (a password, a right) is asked again this often."""

Result = TypeVar("Result")
_log = get_logger(__name__)


class Outlast:
    """Waits Redis ("redis") and Kafka ("kafka") out. Only a ConfigurationError goes up; cancelling is the other way to end."""

    def __init__(self, metrics: AlerterMetrics) -> None:
        self._metrics = metrics

    async def __call__(self, cause: str, call: Callable[[], Awaitable[Result]]) -> Result:
        failures = 0
        while True:
            try:
                return await call()
            except ConfigurationError:  # waiting mends no setting: the process ends, and says which
                raise
            except KenkoError as error:
                failures += 1
                retry_after_s = error.retry_after_s if isinstance(error, TransientError) else REFUSED_RETRY_S
                pause_s = wait_s(failures, retry_after_s)
                self._metrics.waits.labels(cause).inc()
                log = _log.error if isinstance(error, PermanentError) else _log.warning
                log("alerter.waiting", cause=cause, failures=failures, pause_s=pause_s, error=str(error))
            await asyncio.sleep(pause_s)
