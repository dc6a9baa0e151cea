"""One server as a child process: started on a loopback port, waited for until it answers, ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kenko.embedded import tether
from kenko.embedded.errors import PortTakenError, StartError
from kenko.embedded.ports import free_port
from kenko.runtime.clock import Clock, SystemClock

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.01
PORTS_TRIED = 5
LOG_END_LINES = 20


class ServerProcess:
    """A server that listens on one port.

    `command` makes the command line for a port, `answers` asks (port, process id) in the server's own protocol.
    The first start chooses a port, later ones keep it: clients find a restarted server where it was.

    Start it from a thread that lives as long as the server should: Linux counts the end of that thread as the parent's.
    """

    def __init__(
        self,
        name: str,
        *,
        command: Callable[[int], Sequence[str]],
        answers: Callable[[int, int], bool],
        log: Path,
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._answers = answers
        self._clock = clock or SystemClock()
        self._process: subprocess.Popen[bytes] | None = None
        self._port: int | None = None

    @property
    def port(self) -> int:
        if self._port is None:
            raise StartError(f"{self.name} has not been started")
        return self._port

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers. A taken port is retried with another, unless clients know it already."""
        if self.pid is not None:
            return
        if self._port is not None:
            self._start_on(self._port)
            return
        for attempt in range(1, PORTS_TRIED + 1):
            port = free_port()
            try:
                self._start_on(port)
            except PortTakenError:
                if attempt == PORTS_TRIED:
                    raise
            else:
                self._port = port
                return

    def stop(self) -> None:
        """End it in order, by force after `STOP_TIMEOUT_S`. Does nothing if it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End it as a crash would (SIGKILL): what it had not written is lost."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _start_on(self, port: int) -> None:
        command = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *self._command(port)]
        offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C reaches the parent alone, which ends its clients first.
            self._process = subprocess.Popen(  # noqa: S603  our own command line, no shell
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            self._wait_until_it_answers(port, self._process, offset)
        except BaseException:
            self.kill()
            raise

    def _wait_until_it_answers(self, port: int, process: subprocess.Popen[bytes], log_offset: int) -> None:
        deadline = self._clock.monotonic() + START_TIMEOUT_S
        while True:
            if process.poll() is not None:
                text = self._log_since(log_offset)
                error = PortTakenError if "in use" in text.lower() else StartError
                raise error(f"{self.name} ended with code {process.returncode}; its log ends:\n{_end(text)}")
            if self._answers(port, process.pid):
                return
            if self._clock.monotonic() > deadline:
                text = _end(self._log_since(log_offset))
                raise StartError(f"{self.name} did not answer within {START_TIMEOUT_S:.0f} s; its log ends:\n{text}")
            time.sleep(POLL_S)

    def _log_since(self, offset: int) -> str:
        return self.log.read_bytes()[offset:].decode(errors="replace")


def _end(text: str) -> str:
    return "\n".join(text.splitlines()[-LOG_END_LINES:]) or "(nothing)"
