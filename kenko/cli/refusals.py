"""Say which lines of a file were left out, and why."""

from __future__ import annotations

from collections.abc import Sequence

from kenko.backtest.event_file import BadLine
from kenko.backtest.event_source import EventSource
from kenko.backtest.sender import Sent
from kenko.cli.say import count_of, out

SHOWN = 5


def print_source(source: EventSource) -> None:
    """What the file is, and what in it is no event."""
    line = f"{source.path}: {count_of(source.count, 'event')} of {count_of(len(source.accounts), 'account')}"
    out.print(line, markup=False, soft_wrap=True)
    if not source.in_order:
        out.print("It is not in the order of event times: it is played sorted.")
    print_bad_lines(source.bad, "not an event")


def print_bad_lines(bad: Sequence[BadLine], what: str) -> None:
    """The first of them, and how many there are."""
    if not bad:
        return
    out.print(f"{count_of(len(bad), 'line')} left out, {what}:", markup=False)
    for item in bad[:SHOWN]:
        out.print(f"  line {item.line}: {item.message}", markup=False, soft_wrap=True)
    if len(bad) > SHOWN:
        out.print(f"  and {len(bad) - SHOWN:,} more")


def print_sent(sent: Sent) -> None:
    """What ingest made of the events."""
    out.print(f"{count_of(sent.accepted, 'event')} accepted, {len(sent.rejected):,} rejected")
    for reason, number in sent.reasons.most_common():
        out.print(f"  {reason}: {number:,}", markup=False)
    print_bad_lines([BadLine(line, text) for line, text in sorted(sent.rejected.items())], "rejected by ingest")
