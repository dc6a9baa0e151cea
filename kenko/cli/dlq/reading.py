"""Read dead letters from Kafka. Shells around `TopicBrowser`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

import typer

from kenko.cli.dlq.letter import Letter, Place, read_letter
from kenko.runtime.settings import Settings
from kenko.stream.browser import Bounds, TopicBrowser
from schemas.dead_letter import DeadLetterReason
from schemas.topics import Topic


@dataclass(frozen=True)
class Wanted:
    """Which letters."""

    reason: DeadLetterReason | None = None
    """None: of any reason."""
    since_ms: int | None = None
    """None: all that Kafka still holds."""


@dataclass
class Strangers:
    """Records among the dead letters that are none of ours."""

    number: int = 0


async def letters(settings: Settings, wanted: Wanted, strangers: Strangers) -> AsyncIterator[Letter]:
    """The letters that are wanted, in the order of a partition. Counts in `strangers` what is no letter.

    Raises:
        TransientError, PermanentError, ConfigurationError: as TopicBrowser.
    """
    async with TopicBrowser(settings, settings.topic(Topic.DEAD_LETTERS)) as browser:
        bounds = await browser.bounds()
        if wanted.since_ms is not None:
            starts = await browser.offsets_at(wanted.since_ms)
            bounds = {p: Bounds(max(starts[p], start), end) for p, (start, end) in bounds.items()}
        async for record in browser.read(bounds):
            letter = read_letter(record)
            if letter is None:
                strangers.number += 1
            elif wanted.reason in (None, letter.error.reason):
                yield letter


async def letters_at(settings: Settings, places: Collection[Place]) -> dict[Place, Letter | None]:
    """The letters at these places; None where a record is no letter. A place where nothing stands is not in it.

    Raises:
        TransientError, PermanentError, ConfigurationError: as TopicBrowser.
    """
    found: dict[Place, Letter | None] = {}
    async with TopicBrowser(settings, settings.topic(Topic.DEAD_LETTERS)) as browser:
        bounds = await browser.bounds()
        for place in dict.fromkeys(places):
            partition, offset = place
            there = bounds.get(partition)
            if there is None or not there.start <= offset < there.end:
                continue
            async for record in browser.read({partition: Bounds(offset, offset + 1)}):
                found[place] = read_letter(record)
    return found


def read_place(text: str) -> Place:
    """`3:17`."""
    found = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,18})", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r}: write PARTITION:OFFSET as `kenko dlq ls` shows it, for example 3:17")
    return Place(int(found[1]), int(found[2]))
