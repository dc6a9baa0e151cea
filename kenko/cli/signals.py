"""Ctrl-C and SIGTERM as one exception, so that every `with` on the way out ends what it started."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Stopped(KeyboardInterrupt):
    """Somebody asked us to stop. A KeyboardInterrupt, because that is what asyncio lets through from anywhere."""


@contextmanager
def stops() -> Iterator[None]:
    """Inside, the first SIGINT or SIGTERM raises Stopped. A second one is ignored: we are on our way out."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers; whoever runs us elsewhere stops us otherwise
        return
    asked = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise Stopped

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends, or until SIGINT or SIGTERM cancels it. For work whose end is somebody's Ctrl-C.

    An exception out of a signal handler may come up in the middle of a task; here the task ends itself, and closes what it holds.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, task.cancel)
    try:
        await asyncio.wait({task})
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
    if not task.cancelled():
        task.result()
