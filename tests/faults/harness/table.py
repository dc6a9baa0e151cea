"""The table of faults: a row each, printed at the end and written to .kenko/faults.md."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

HEADINGS = {
    "fault": "fault",
    "injected": "injected",
    "hit": "hit something uncommitted",
    "accepted": "accepted",
    "applied": "applied",
    "duplicates": "duplicates",
    "lost": "lost",
    "differences": "differences",
    "repeated": "transitions repeated",
    "alerts": "alert messages",
    "missing": "missing",
    "doubled": "doubled",
    "recovery_s": "recovery s",
    "note": "note",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    fault: str
    injected: int
    hit: int
    accepted: int
    applied: int
    duplicates: int
    lost: int
    """Accepted and not in the log."""
    differences: int
    """Rows, counts and transitions that are not those of the reference."""
    repeated: int
    """Transitions produced again, with the same id."""
    alerts: int
    missing: int
    doubled: int
    """Taken by the receiver more often than once; `note` says how many of them a crash accounts for."""
    recovery_s: float | None
    note: str = ""


@dataclass
class Table:
    broker: str
    path: Path
    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Written at once: a run that is cut short leaves what it has."""
        self.rows.append(row)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.markdown())

    def markdown(self) -> str:
        names = [f.name for f in fields(Row)]
        lines = [f"# Faults, on {self.broker}", "", "| " + " | ".join(HEADINGS[n] for n in names) + " |"]
        lines.append("|" + "---|" * len(names))
        for row in sorted(self.rows, key=lambda r: (len(r.fault.split()[0]), r.fault)):
            cells = [getattr(row, name) for name in names]
            lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
        return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
