"""One service as a process: its log, its probes, its metrics, and the signals that hurt it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from kenko.embedded import tether

STOP_LIMIT_S = 60


class Service:
    """`python -m services.<name>`."""

    def __init__(self, name: str, environ: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.environ = dict(environ)
        self.log = log
        self._from = log.stat().st_size if log.exists() else 0
        command = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        command += [sys.executable, "-m", f"services.{name}"]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("KENKO_")}
        with log.open("ab") as out:
            self.process = subprocess.Popen(command, env={**kept, **environ}, stdout=out, stderr=out)

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    @property
    def code(self) -> int | None:
        return self.process.poll()

    def lines(self) -> list[dict]:
        """What this process logged."""
        text = self.log.read_bytes()[self._from :].decode(errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]

    def logged(self, event: str) -> int:
        return sum(line["event"] == event for line in self.lines())

    async def get(self, path: str) -> tuple[int, str] | None:
        """Status and text of its ops port; None while it does not listen."""
        url = next((line["url"] for line in self.lines() if line["event"].endswith(".ops_listening")), None)

        def fetch() -> tuple[int, str] | None:
            try:
                with urllib.request.urlopen(url + path, timeout=5) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()
            except OSError:
                return None

        return None if url is None else await asyncio.to_thread(fetch)

    async def ready(self) -> bool:
        answer = await self.get("/health/ready")
        return answer is not None and answer[0] == 200

    async def owns(self) -> int:
        """Partitions that it says it stands ready on."""
        answer = await self.get("/health/ready")
        found = re.search(r"(\d+) partitions", answer[1]) if answer is not None else None
        return int(found.group(1)) if found and answer and answer[0] == 200 else 0

    async def metric(self, line_begins: str) -> float:
        """Sum of the samples whose line begins so; 0 where it does not answer."""
        answer = await self.get("/metrics")
        text = answer[1] if answer is not None else ""
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(line_begins))

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.running:
            self.process.kill()
        self.process.wait()

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        if self.running:
            self.process.terminate()
        return await asyncio.to_thread(self.process.wait, STOP_LIMIT_S)

    def end_of_log(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]
