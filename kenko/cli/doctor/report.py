"""Print what the checks say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import orjson
from rich.markup import escape

from kenko.cli.doctor.finding import Finding, Status
from kenko.cli.printable import printable
from kenko.cli.say import count_of, out

_COLOURS: Final = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red", Status.SKIPPED: "dim"}


def print_findings(findings: Mapping[str, Finding]) -> None:
    """A line a check, the mend below it, and how many there are of each kind."""
    width = max(map(len, findings))
    for name, (status, says, mend) in findings.items():
        word = f"[{_COLOURS[status]}]{status.value.upper() if status is Status.FAIL else status.value:<8}[/]"
        out.print(f"{word}{name:<{width}}  {escape(printable(says))}", soft_wrap=True)
        if mend is not None:
            out.print(f"{'':<{8 + width}}  → {escape(printable(mend))}", soft_wrap=True)
    kinds = Counter(finding.status for finding in findings.values())
    parts = [f"{kinds[status]} {word}" for status, word in _WORDS.items() if kinds[status]]
    out.print(f"\n{count_of(len(findings), 'check')}: {', '.join(parts)}", markup=False)


_WORDS: Final = {Status.OK: "ok", Status.WARN: "to be better", Status.FAIL: "failed", Status.SKIPPED: "not looked at"}


def as_json(findings: Mapping[str, Finding]) -> str:
    """`{"ok": …, "checks": [{"check", "status", "says", "mend"}]}`."""
    checks: list[dict[str, Any]] = [{"check": name, **finding._asdict()} for name, finding in findings.items()]
    return orjson.dumps({"ok": not failed(findings), "checks": checks}, option=orjson.OPT_INDENT_2).decode()


def failed(findings: Mapping[str, Finding]) -> bool:
    """Whether any check says FAIL."""
    return any(finding.status is Status.FAIL for finding in findings.values())
