"""`kenko dlq ls`: which dead letters there are, and why."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from heapq import heappush, heappushpop
from typing import Annotated, NamedTuple

import typer

from kenko.cli.dlq.letter import Letter, line_of
from kenko.cli.dlq.reading import Strangers, Wanted, letters
from kenko.cli.durations import read_duration
from kenko.cli.local_info import found_settings
from kenko.cli.say import count_of, foreseen, out
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings
from schemas.dead_letter import DeadLetterReason


class Listing(NamedTuple):
    """The newest letters, oldest of them first, and how many there are by reason."""

    newest: list[Letter]
    by_reason: Counter[DeadLetterReason]
    strangers: int


def dlq_ls(
    *,
    reason: Annotated[DeadLetterReason | None, typer.Option(help="Only these.")] = None,
    since: Annotated[str | None, typer.Option(help="Only those of the last 30m, 6h, 2d; by default all.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many lines, the newest.")] = 50,
) -> None:
    """List the newest dead letters, a line each, and count all of them by reason."""
    since_ms = None if since is None else SystemClock().now_ms() - read_duration(since)
    with foreseen():
        settings, _ = found_settings(Settings, os.environ)
        listing = asyncio.run(_list(settings, Wanted(reason, since_ms), limit))
    for letter in listing.newest:
        out.print(f"{letter.place!s:<10}{line_of(letter)}", markup=False, soft_wrap=True)
    total = listing.by_reason.total()
    shown = f", the newest {len(listing.newest)} shown" if len(listing.newest) < total else ""
    out.print(f"{count_of(total, 'dead letter')}{shown}", markup=False)
    for kind, number in listing.by_reason.most_common():
        out.print(f"  {kind.value}: {number:,}", markup=False)
    if listing.strangers:
        out.print(f"{count_of(listing.strangers, 'record')} among them that Kenko did not write", markup=False)


async def _list(settings: Settings, wanted: Wanted, limit: int) -> Listing:
    newest: list[tuple[tuple[int, int, int], Letter]] = []
    by_reason: Counter[DeadLetterReason] = Counter()
    strangers = Strangers()
    async for letter in letters(settings, wanted, strangers):
        by_reason[letter.error.reason] += 1
        item = ((letter.written_ms, *letter.place), letter)
        if len(newest) < limit:
            heappush(newest, item)
        else:
            heappushpop(newest, item)
    return Listing([letter for _, letter in sorted(newest)], by_reason, strangers.number)
