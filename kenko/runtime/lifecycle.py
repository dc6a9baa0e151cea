"""Run a service: SIGTERM and SIGINT ask it to stop, and it has a deadline to do so."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

from kenko.runtime.crash import arm
from kenko.runtime.errors import ConfigurationError
from kenko.runtime.logging import get_logger
from kenko.runtime.settings import exit_configuration

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
LEAVE_S: Final = 2.0
"""Seconds that tasks and threads of libraries have to end after `main` has; those of Kafka clients can take minutes."""

_log = get_logger(__name__)


class Stop:
    """The request to stop. `main` waits for it, then finishes what it holds and returns."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.reason = ""

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def request(self, reason: str) -> None:
        """Ask for a graceful stop; the first reason counts."""
        if not self._event.is_set():
            self.reason = reason
            self._event.set()

    async def wait(self) -> None:
        await self._event.wait()


Main = Callable[[Stop], Coroutine[Any, Any, None]]


async def supervise(service: str, main: Main, *, grace_s: float) -> int:
    """Run `main` until it returns; the exit code of the process.

    After SIGTERM or SIGINT it has `grace_s` seconds, then it is cancelled and the code is 1: what it held is
    repeated after the restart, never lost, because every effect is ordered so. A second signal cancels at once.
    """
    stop = Stop()
    loop = asyncio.get_running_loop()
    task = loop.create_task(main(stop), name=f"{service}.main")

    def on_signal(number: signal.Signals) -> None:
        if stop.requested:
            _log.warning(f"{service}.stop_forced", signal=number.name)
            task.cancel()
            return
        _log.info(f"{service}.stopping", signal=number.name, grace_s=grace_s)
        stop.request(number.name)

    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, on_signal, number)
    asked = loop.create_task(stop.wait(), name=f"{service}.stop")
    try:
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait({task}, timeout=grace_s)
        return await _result(service, task, grace_s)
    finally:
        asked.cancel()
        for number in signals:
            loop.remove_signal_handler(number)


async def _result(service: str, task: asyncio.Task[None], grace_s: float) -> int:
    if not task.done():
        _log.error(f"{service}.stop_overdue", grace_s=grace_s, tasks=[t.get_name() for t in asyncio.all_tasks()])
        task.cancel()
        await asyncio.wait({task}, timeout=1.0)
        return EXIT_FAILED
    if task.cancelled():
        return EXIT_FAILED
    error = task.exception()
    if isinstance(error, ConfigurationError):
        raise error
    if error is not None:
        _log.error(f"{service}.failed", exc_info=error)
        return EXIT_FAILED
    _log.info(f"{service}.stopped")
    return EXIT_OK


def run(service: str, main: Main, *, grace_s: float = 25.0) -> int:
    """As `supervise`, with an event loop of its own. A ConfigurationError is printed and exits with code 2.

    What libraries have left behind ends with the process, by force after `LEAVE_S` seconds: all that counts is done.
    """
    leaving: threading.Timer | None = None
    earlier = set(threading.enumerate())
    try:
        arm(os.environ)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            code = runner.run(supervise(service, main, grace_s=grace_s))
            leaving = threading.Timer(LEAVE_S, _leave, (service, code))
            leaving.daemon = True
            leaving.start()
    except ConfigurationError as error:
        exit_configuration(error)
    else:
        return code
    finally:
        # A thread that is left would hold up the end of the interpreter: then the timer goes on.
        if leaving is not None and not any(not t.daemon for t in set(threading.enumerate()) - earlier):
            leaving.cancel()


def _leave(service: str, code: int) -> None:
    _log.warning(f"{service}.left_by_force", after_s=LEAVE_S, threads=[thread.name for thread in threading.enumerate()])
    sys.stdout.flush()
    os._exit(code)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The loop of uvloop where it is installed: it carries about twice the requests."""
    try:
        import uvloop  # noqa: PLC0415 - it does not exist on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
