"""Network: every call from a process to a server, its latency, and what goes wrong on the way."""

from __future__ import annotations

import contextvars
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import TypeVar

from kenko.runtime.errors import KenkoError, TransientError
from tests.simulator.virtual_loop import RUNNING, Process, VirtualLoop

Result = TypeVar("Result")
TIMEOUT_S = 2.0
"""After this a client gives up on a server that is away."""


class Server:
    """One that answers calls. Its faults are switched on and off by the plan."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.away = False
        self.slow_s = 0.0
        self.lose_answers = 0
        """So many of the next calls that change something are done, and not answered."""
        self.hit: Counter[str] = Counter()
        """By fault: calls that it touched."""


class Network:
    """`count` tells how many calls there were; `each_call` is told of each before it leaves."""

    def __init__(self, loop: VirtualLoop, random: Random) -> None:
        self.loop = loop
        self._random = random
        self.count = 0
        self.each_call: Callable[[], object] = lambda: None

    def latency_s(self) -> float:
        """Mostly some milliseconds, now and then a second."""
        random = self._random
        return random.uniform(0.001, 0.02) if random.random() < 0.93 else random.uniform(0.1, 1.5)

    async def call(self, server: Server, apply: Callable[[], Result], *, changes: bool = False) -> Result:
        """`apply()` as it is done at `server`. A caller that is killed meanwhile does not stop a call that has left.

        Raises:
            TransientError: it may be done or not.
        """
        self.count += 1
        self.each_call()
        answer = self.loop.create_future()
        caller: Process | None = RUNNING.get()
        if caller is None or not caller.killed:  # a fault may have hit just now
            self.loop.later(
                self.latency_s() + server.slow_s * self._random.random(), self._arrive, server, apply, changes, answer
            )
        return await answer

    def _arrive(self, server: Server, apply, changes: bool, answer) -> None:
        if server.slow_s:
            server.hit["slow"] += 1
        if server.away:
            server.hit["away"] += 1
            self.loop.later(self._random.uniform(0.001, TIMEOUT_S), _fail, answer, _gone(server))
            return
        try:
            result = contextvars.Context().run(apply)
        except KenkoError as error:
            self.loop.later(self.latency_s(), _fail, answer, error)
            return
        if changes and server.lose_answers:
            server.lose_answers -= 1
            server.hit["answer_lost"] += 1
            self.loop.later(TIMEOUT_S, _fail, answer, _gone(server))
            return
        self.loop.later(self.latency_s(), self._reply, server, answer, result)

    @staticmethod
    def _reply(server: Server, answer, result) -> None:
        if server.away:  # it went away with the answer under way
            server.hit["answer_lost"] += 1
            _fail(answer, _gone(server))
        elif not answer.done():
            answer.set_result(result)


def _fail(answer, error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def _gone(server: Server) -> TransientError:
    return TransientError(f"{server.name} does not answer")
