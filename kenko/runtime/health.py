"""Health checks: cheap, synchronous looks at what the process already knows. A probe never waits for anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class CheckResult(NamedTuple):
    """How one check stands, and why, in words an SRE reads."""

    ok: bool
    reason: str = ""


Check = Callable[[], CheckResult]


@dataclass(frozen=True)
class Probes:
    """The checks behind each probe, by name.

    live: the process can go on; never depends on Kafka or Redis. ready: it can do its work now.
    startup: it has come up once; where none are given, answering at all is enough.
    """

    live: Mapping[str, Check] = field(default_factory=dict)
    ready: Mapping[str, Check] = field(default_factory=dict)
    startup: Mapping[str, Check] = field(default_factory=dict)


class HealthReport(NamedTuple):
    """The answer of one probe."""

    ok: bool
    checks: dict[str, CheckResult]

    def body(self) -> dict[str, object]:
        """As JSON: {"status": "ok", "checks": {"kafka": {"ok": true, "reason": "..."}}}."""
        return {
            "status": "ok" if self.ok else "failing",
            "checks": {name: check._asdict() for name, check in self.checks.items()},
        }


def examine(checks: Mapping[str, Check]) -> HealthReport:
    """Run `checks`. One that raises counts as failed: a probe reports, it never breaks."""
    results = {name: _run(check) for name, check in checks.items()}
    return HealthReport(ok=all(r.ok for r in results.values()), checks=results)


def _run(check: Check) -> CheckResult:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - the failure is the answer: it is reported with its type
        return CheckResult(ok=False, reason=f"the check itself failed: {type(error).__name__}: {error}")
