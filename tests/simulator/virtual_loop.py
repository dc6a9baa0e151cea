"""VirtualLoop: an event loop in which time jumps, and in which whole processes stop and die.

Nothing is waited for: where no callback is ready the clock moves to the next timer. Among the callbacks that are ready
the seed chooses. The same seed gives the same run.

A process is a name in the context of its tasks. A process that was killed runs not one step more: no `finally`, no
cancellation, as after `kill -9`. A stopped one (SIGSTOP) goes on where it stood.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from asyncio import events
from collections.abc import Callable
from random import Random

RUNNING: contextvars.ContextVar[Process | None] = contextvars.ContextVar("kenko.simulated_process", default=None)


class StuckError(Exception):
    """Nothing is ready and nothing will be, or time is up."""


class Process:
    """Something that can be stopped and killed as a whole."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.killed = False
        self.stopped = False
        self.parked: list[_Handle] = []
        """Callbacks that came due since it stands still."""
        self.context = contextvars.copy_context()
        self.context.run(RUNNING.set, self)

    @property
    def stands_still(self) -> bool:
        return self.killed or self.stopped


class _Handle:
    __slots__ = ("args", "callback", "cancelled_", "context", "when_")

    def __init__(self, callback, args, context, when=0.0):
        self.callback, self.args, self.context, self.when_ = callback, args, context, when
        self.cancelled_ = False

    def cancel(self):
        self.cancelled_ = True

    def cancelled(self):
        return self.cancelled_

    def when(self):
        return self.when_


class VirtualLoop(asyncio.AbstractEventLoop):
    """`errors`: what no task took care of."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._now = 0.0
        self._ready: list[_Handle] = []
        self._timers: list[tuple[float, int, _Handle]] = []
        self._serial = 0
        self._tasks: list[asyncio.Task] = []
        self._closed = False
        self.processes: list[Process] = []
        self.errors: list[dict] = []
        self.steps = 0

    # What asyncio asks of a loop.

    def time(self):
        return self._now

    def get_debug(self):
        return False

    def is_closed(self):
        return self._closed

    def is_running(self):
        return not self._closed

    def call_soon(self, callback, *args, context=None):
        handle = _Handle(callback, args, contextvars.copy_context() if context is None else context)
        self._ready.append(handle)
        return handle

    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self._now + max(delay, 0.0), callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):
        handle = _Handle(callback, args, contextvars.copy_context() if context is None else context, when)
        self._serial += 1
        heapq.heappush(self._timers, (when, self._serial, handle))
        return handle

    def create_future(self):
        return asyncio.Future(loop=self)

    def create_task(self, coro, *, name=None, context=None):
        task = asyncio.Task(coro, loop=self, name=name or "task", context=context)
        self._tasks.append(task)
        return task

    def call_exception_handler(self, context):
        self.errors.append(context)

    # What the simulation asks.

    def process(self, name: str) -> Process:
        process = Process(name)
        self.processes.append(process)
        return process

    def spawn(self, coro, process: Process | None = None) -> asyncio.Task:
        """Run `coro` as a task of `process`; None: of the world around them."""
        return self.create_task(coro, context=contextvars.Context() if process is None else process.context.copy())

    def later(self, delay: float, callback: Callable[..., object], *args: object) -> None:
        """Call it in the world around the processes: none of them can stop that."""
        self.call_at(self._now + delay, callback, *args, context=contextvars.Context())

    def resume(self, process: Process) -> None:
        """SIGCONT: what came due meanwhile is due now."""
        process.stopped = False
        if not process.killed:
            self._ready += process.parked
            process.parked = []

    def run_until(self, reached: Callable[[], bool], *, limit_s: float, most_steps: int = 2_000_000) -> None:
        """Run until `reached()`.

        Raises:
            StuckError: it is not reached in `limit_s` of virtual time, or never can be.
        """
        until, steps_until = self._now + limit_s, self.steps + most_steps
        events._set_running_loop(self)
        try:
            while not reached():
                if self._now > until or self.steps > steps_until:
                    raise StuckError(f"not reached after {limit_s} s")
                self._step()
        finally:
            events._set_running_loop(None)

    def close(self) -> None:
        """End every task, those of the dead too, so that none is left over in the middle."""
        for process in self.processes:
            self._ready += process.parked
            process.parked, process.killed, process.stopped = [], False, False
        self._timers.clear()
        events._set_running_loop(self)
        try:
            for task in self._tasks:
                task.cancel()
            while self._ready:
                self._run(self._ready.pop(0))
        finally:
            events._set_running_loop(None)
        self._closed = True
        self._timers.clear()

    def _step(self) -> None:
        if not self._ready:
            if not self._timers:
                raise StuckError("nothing is left to run")
            self._now = max(self._now, self._timers[0][0])
            while self._timers and self._timers[0][0] <= self._now:
                self._ready.append(heapq.heappop(self._timers)[2])
        ready = self._ready
        chosen = int(self._random.random() * len(ready))
        ready[chosen], ready[-1] = ready[-1], ready[chosen]
        handle = ready.pop()
        if handle.cancelled_:
            return
        process = handle.context.get(RUNNING)
        if process is not None and process.stands_still:
            process.parked.append(handle)
            return
        self.steps += 1
        self._run(handle)

    def _run(self, handle: _Handle) -> None:
        if handle.cancelled_:
            return
        try:
            handle.context.run(handle.callback, *handle.args)
        except Exception as error:  # noqa: BLE001 - kept: the checker fails the run for it
            self.errors.append({"message": "a callback failed", "exception": error})
