"""What a check answers."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """How it stands."""

    OK = "ok"
    WARN = "warn"
    """It works, but not as well or as safely as it should; or it cannot be told."""
    FAIL = "fail"
    """Something is wrong: events, scores or alerts are lost, late or false."""
    SKIPPED = "skipped"
    """It cannot be looked at, because of another fault."""


class Finding(NamedTuple):
    """The answer of one check, in one sentence, and what mends it."""

    status: Status
    says: str
    mend: str | None = None


def ok(says: str) -> Finding:
    """All is well."""
    return Finding(Status.OK, says)


def warn(says: str, mend: str) -> Finding:
    """It should be better."""
    return Finding(Status.WARN, says, mend)


def fail(says: str, mend: str) -> Finding:
    """It is wrong."""
    return Finding(Status.FAIL, says, mend)


def skipped(because: str) -> Finding:
    """Another fault stands before it."""
    return Finding(Status.SKIPPED, f"Cannot be looked at: {because}.")


def some(items: list[str], most: int = 5) -> str:
    """The first of them in words: `a, b and 3 more`."""
    shown = ", ".join(items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"
