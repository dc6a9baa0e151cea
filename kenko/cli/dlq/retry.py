"""`kenko dlq retry`: send dead letters again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Final

import typer

from kenko.cli.dlq.again import Known
from kenko.cli.dlq.learning import Learnt, learn
from kenko.cli.dlq.letter import Letter, Place
from kenko.cli.dlq.reading import Strangers, Wanted, letters, letters_at, read_place
from kenko.cli.dlq.sorting import Few, Sorting
from kenko.cli.durations import read_duration
from kenko.cli.local_info import found_settings
from kenko.cli.printable import printable
from kenko.cli.say import EXIT_FAILED, EXIT_USAGE, count_of, fail, foreseen, out
from kenko.runtime.clock import SystemClock
from kenko.runtime.errors import TransientError
from kenko.runtime.settings import Settings
from kenko.stream.producer import KafkaOutput, OutRecord
from kenko.stream.topics import ensure_topics
from schemas.dead_letter import DeadLetterReason
from schemas.topics import Topic

AT_ONCE: Final = 500
"""Records that wait for their acknowledgement together."""
STOPPED_SHORT: Final = "Some may be sent, some not. Run the same command again: what was sent changes nothing twice."


def dlq_retry(
    places: Annotated[
        list[str] | None, typer.Argument(metavar="PARTITION:OFFSET...", help="As `kenko dlq ls` shows them.")
    ] = None,
    *,
    reason: Annotated[DeadLetterReason | None, typer.Option(help="All with this reason.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
    since: Annotated[str | None, typer.Option(help="With --reason or --all: of the last 30m, 6h, 2d.")] = None,
    learn_from: Annotated[
        str | None,
        typer.Option(
            "--learn", help="Look in the events of the last 12h, 7d for the accounts of users that name none."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
) -> None:
    """Send dead letters again: to the topic where they stood; those of ingest as the events they hold.

    A record that was applied before changes nothing, for it has the same id. One that is still bad comes back as a new dead
    letter. The letters themselves stay where they are until the topic's retention takes them.
    """
    named = [read_place(place) for place in places or ()]
    if (bool(named), reason is not None, every).count(True) != 1:
        fail("Which? Name them (PARTITION:OFFSET), or give --reason, or --all.", code=EXIT_USAGE)
    if since is not None and named:
        fail("--since goes with --reason or --all.", code=EXIT_USAGE)
    now_ms = SystemClock().now_ms()
    with foreseen():
        settings, _ = found_settings(Settings, os.environ)
        known = Known({settings.topic(t): t for t in Topic}, settings.partitions, now_ms)
        there = _there(named, asyncio.run(letters_at(settings, named))) if named else []
        wanted = Wanted(reason, None if since is None else now_ms - read_duration(since))

        def chosen() -> AsyncIterator[Letter]:
            return _listed(there) if named else letters(settings, wanted, Strangers())

        learnt = None
        if learn_from is not None:
            learnt = asyncio.run(learn(settings, chosen(), known, now_ms - read_duration(learn_from)))
        sorting = Sorting(known, None if learnt is None else learnt.accounts)
        found = asyncio.run(_retry(settings, chosen(), sorting, dry_run=dry_run))
    _say(found, learnt, dry_run=dry_run)
    if found.refused.number and (named or not found.taken):
        raise typer.Exit(EXIT_FAILED)


def _there(named: Sequence[Place], found: dict[Place, Letter | None]) -> list[Letter]:
    """The letters at these places; that one is missing ends the command before anything is sent."""
    missing = [str(place) for place in named if found.get(place) is None]
    if missing:
        fail(f"No dead letter stands at {', '.join(missing)}. Nothing was sent.")
    return [letter for letter in found.values() if letter is not None]


async def _listed(chosen: Sequence[Letter]) -> AsyncIterator[Letter]:
    for letter in chosen:
        yield letter


async def _retry(settings: Settings, chosen: AsyncIterator[Letter], sorting: Sorting, *, dry_run: bool) -> Sorting:
    """Returns when every replica that the topics ask for has all records.

    Stopped in between, some are sent and some are not: the same command again sends all, and what was sent changes nothing.
    What comes back meanwhile is not among `chosen`: the letters end where they ended at the start.
    """
    if not dry_run:
        await ensure_topics(
            settings.kafka_url,
            partitions=settings.partitions,
            replication=settings.kafka_replication,
            prefix=settings.topic_prefix,
        )
    output = KafkaOutput(settings, client_id="kenko-cli")
    waiting: list[OutRecord] = []
    try:
        async for letter in chosen:
            record = sorting.take(letter)
            if record is not None and not dry_run:
                waiting.append(record)
            if len(waiting) == AT_ONCE:
                await output.send(waiting)
                waiting = []
        await output.send(waiting)
    except TransientError as error:
        raise TransientError(f"{error}\n{STOPPED_SHORT}") from error
    finally:
        await output.stop()
    return sorting


def _say(found: Sorting, learnt: Learnt | None, *, dry_run: bool) -> None:
    if learnt is not None:
        asked = count_of(learnt.asked, "user")
        out.print(f"{asked} without an account: {learnt.found:,} of them found in the log", markup=False)
    verb = "would be sent" if dry_run else "sent, and acknowledged"
    out.print(f"{count_of(found.taken, 'record')} {verb}", markup=False)
    if found.repeats:
        out.print(f"{count_of(found.repeats, 'letter')} of the same records: sent once", markup=False)
    _list(
        f"{found.still_bad.number:,} of them will come back as dead letters, for they are still bad:", found.still_bad
    )
    if found.nothing:
        letters_of_persons = count_of(found.nothing, "letter")
        out.print(f"{letters_of_persons} of persons alone: nothing is written for them", markup=False)
    _list(f"{found.refused.number:,} cannot be sent again:", found.refused)
    if found.unattributed:
        hint = (
            "--learn 7d looks for their users in the events of the log"
            if learnt is None
            else "see whether the log of more days names their users, or whether their sender can name the account"
        )
        out.print(f"{found.unattributed:,} of these stay unattributed: {hint}", markup=False, soft_wrap=True)


def _list(head: str, items: Few) -> None:
    if not items.number:
        return
    out.print(head, markup=False)
    for place, why in items.first:
        out.print(f"  {place}  {printable(why)}", markup=False, soft_wrap=True)
    if items.number > len(items.first):
        out.print(f"  and {items.number - len(items.first):,} more")
