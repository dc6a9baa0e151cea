"""What became of events by source, with the newest example of each problem: for the people who send them.

Of this process, since it started. The metrics hold the same counts without sources, for all time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from kenko.dialects.problems import Problem, ProblemCode
from kenko.dialects.reading import DialectName

MOST_SOURCES: Final = 500
OTHERS: Final = "(others)"
"""Where sources are counted together once there are too many."""


@dataclass
class _Example:
    count: int
    field: str | None
    message: str
    id: str | None
    dialect: str
    last_at: datetime


@dataclass
class _Page:
    counts: Counter[str] = field(default_factory=Counter)
    problems: dict[ProblemCode, _Example] = field(default_factory=dict)


class ProblemBook:
    """A page for each source. Holds no payload: a problem's message names the field and the mend."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._pages: dict[str, _Page] = {}

    def note(self, source: str, dialect: DialectName, kept: int, problems: Sequence[Problem], at: datetime) -> None:
        """A request of `source` had so many good events, and these problems."""
        if source not in self._pages and len(self._pages) >= MOST_SOURCES:
            source = OTHERS
        page = self._pages.setdefault(source, _Page())
        page.counts["accepted"] += kept
        for problem in problems:
            page.counts["unattributed" if problem.code is ProblemCode.UNATTRIBUTED else "rejected"] += 1
            before = page.problems.get(problem.code)
            count = 1 if before is None else before.count + 1
            page.problems[problem.code] = _Example(count, problem.field, problem.message, problem.id, dialect.value, at)

    def report(self, sources: Sequence[str]) -> dict[str, Any]:
        """For a reader who may see these sources; none named: all."""
        pages = {name: page for name, page in sorted(self._pages.items()) if not sources or name in sources}
        return {"since": self._since.isoformat(), "sources": [_shown(name, page) for name, page in pages.items()]}


def _shown(source: str, page: _Page) -> dict[str, Any]:
    seen = page.counts.total()
    return {
        "source": source,
        "accepted": page.counts["accepted"],
        "rejected": page.counts["rejected"],
        "unattributed": page.counts["unattributed"],
        "unattributed_share": round(page.counts["unattributed"] / seen, 4) if seen else 0.0,
        "problems": [
            {
                "code": code.value,
                "count": example.count,
                "dialect": example.dialect,
                "last_at": example.last_at.isoformat(),
                "last_id": example.id,
                "last_field": example.field,
                "last_message": example.message,
            }
            for code, example in sorted(page.problems.items(), key=lambda item: -item[1].count)
        ],
    }
