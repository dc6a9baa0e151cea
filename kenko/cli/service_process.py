"""One service as a child process: started, waited for until it is ready, watched, ended."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from kenko.embedded import tether
from kenko.embedded.ports import LOOPBACK, free_port

STOP_TIMEOUT_S = 10.0
"""A local stack is thrown away, and an end by force loses nothing that was acknowledged anyway."""
PROBE_TIMEOUT_S = 2.0
LOG_END_LINES = 15


class ServiceDiedError(RuntimeError):
    """A service ended, or was not ready in time. The message ends with the end of its log."""


class ServiceProcess:
    """`python -m services.<name>` with its output in a file of its own."""

    def __init__(self, name: str, *, environ: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.ops_port = free_port()
        self._environ = {**environ, "KENKO_OPS_HOST": LOOPBACK, "KENKO_OPS_PORT": str(self.ops_port)}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def ops_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ops_port}"

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it; it is not ready yet."""
        command = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        command += [sys.executable, "-m", f"services.{self.name}"]
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C reaches us alone, and we end the services before what they lean on.
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                command,
                env=dict(self._environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check(self) -> None:
        """Does nothing while it runs.

        Raises:
            ServiceDiedError: it has ended, whatever its exit code was.
        """
        code = None if self._process is None else self._process.poll()
        if code is not None:
            raise ServiceDiedError(f"{self.name} ended with code {code}. {self.log} ends:\n{self.log_end()}")

    def ready(self) -> bool:
        """True once its probe says so."""
        self.check()
        try:
            with urllib.request.urlopen(f"{self.ops_url}/health/ready", timeout=PROBE_TIMEOUT_S) as answer:  # noqa: S310 - http on loopback
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """End it by force, as a crash would. `start` starts it again, on the same port, with the same log file."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def ask_to_stop(self) -> None:
        """SIGTERM: it finishes what it holds."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_stopped(self) -> None:
        """Wait for its end, and force it after `STOP_TIMEOUT_S`."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def log_end(self) -> str:
        """The last lines of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-LOG_END_LINES:]) or "(nothing)"
