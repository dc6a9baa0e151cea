"""Processor time of a service, as it says itself: on shared cores it tells more than the clock on the wall."""

from __future__ import annotations

import re
import urllib.request
from typing import Final

from kenko.cli.service_process import ServiceProcess

_CPU: Final = re.compile(r"^process_cpu_seconds_total (\S+)$", re.MULTILINE)


def cpu_seconds(service: ServiceProcess) -> float:
    """Seconds since it started, all threads together."""
    with urllib.request.urlopen(f"{service.ops_url}/metrics", timeout=10) as answer:  # noqa: S310 - http on loopback
        found = _CPU.search(answer.read().decode())
    if found is None:
        raise RuntimeError("this platform does not tell a process's processor time")
    return float(found[1])
