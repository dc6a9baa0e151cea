"""What a scorer says of itself on its metrics page."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import Final, NamedTuple

from kenko.cli.service_process import ServiceProcess

MEGA: Final = 1_000_000
_LINE: Final = re.compile(r"^(\w+) (\S+)$", re.MULTILINE)


class ScorerFigures(NamedTuple):
    """Since the process began."""

    evaluated: int
    """Accounts scored."""
    rows_written: int
    """Rows committed to Redis."""
    rss_mb: float
    """Resident memory, in millions of bytes; 0 where the platform does not tell."""
    cpu_s: float
    """Processor time, in seconds; 0 likewise."""


def scorer_figures(service: ServiceProcess) -> ScorerFigures | None:
    """None while the process does not answer yet.

    Raises:
        ServiceDiedError: it has ended.
    """
    service.check()
    try:
        with urllib.request.urlopen(f"{service.ops_url}/metrics", timeout=10) as answer:  # noqa: S310 - http on loopback
            found = dict(_LINE.findall(answer.read().decode()))
    except (urllib.error.URLError, OSError):
        return None
    return ScorerFigures(
        evaluated=int(float(found.get("kenko_scorer_accounts_evaluated_total", 0))),
        rows_written=int(float(found.get("kenko_scorer_rows_written_total", 0))),
        rss_mb=round(float(found.get("process_resident_memory_bytes", 0)) / MEGA, 1),
        cpu_s=float(found.get("process_cpu_seconds_total", 0)),
    )
