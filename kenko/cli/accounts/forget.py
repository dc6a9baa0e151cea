"""`kenko accounts forget`: take an account out of everything, for good."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from kenko.cli.accounts.gone import Gone, Held, Holders
from kenko.cli.accounts.stays import stays
from kenko.cli.amend import amendment, written
from kenko.cli.bar import Bar
from kenko.cli.dlq.purge import Purged, purge
from kenko.cli.local_info import found_settings
from kenko.cli.model_file import read_model
from kenko.cli.override import user
from kenko.cli.say import EXIT_FAILED, EXIT_USAGE, count_of, err, fail, foreseen, out
from kenko.engine.partitioning import murmur2_partition
from kenko.runtime.clock import Clock, SystemClock
from kenko.runtime.errors import KenkoError
from kenko.runtime.settings import Settings
from kenko.store.client import connect
from kenko.store.keys import PartitionKeys, model_part
from kenko.stream.browser import TopicBrowser
from kenko.stream.producer import KafkaOutput
from kenko.stream.state_records import StateTopic
from kenko.stream.trim import KafkaTrimmer
from schemas.forget import Forget
from schemas.topics import Topic

LIMIT_S: Final = 60.0


def accounts_forget(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    author: Annotated[str | None, typer.Option(help="Who asks for it; by default you.")] = None,
    model: Annotated[
        Path | None, typer.Option(help="Health model; by default the one of the stack that runs here.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for the services.")] = LIMIT_S,
) -> None:
    """Forget ACCOUNT for good: state, score, alerts and dead letters. There is no way back.

    Whatever comes of it from now on is dropped and counted, be it new, replayed, or a dead letter that is sent again. A
    customer who comes back needs another id.

    Writes to the Kafka of the stack that runs here, or KENKO_KAFKA_URL; reads its Redis, or KENKO_REDIS_URL.
    """
    if not yes and not sys.stdin.isatty():
        fail("There is no way back: give --yes where nobody can be asked.", code=EXIT_USAGE)
    record = amendment(Forget, account=account, at=None, author=(author or user()).strip())
    with foreseen():
        settings, info = found_settings(Settings, os.environ)
        path = model or settings.model_path or (info.model if info else None)
        if path is None:
            fail("Which model? Start `kenko up` in this folder, set KENKO_MODEL, or give --model.", code=EXIT_USAGE)
        loaded = read_model(path)
        partition = murmur2_partition(account.encode(), settings.partitions)
        name = model_part(loaded.name, loaded.state_hash)
        keys = PartitionKeys(name, partition, settings.partitions, settings.redis_prefix)
        if not yes:
            _ask(account, asyncio.run(_held(settings, account, keys)))
        whole = asyncio.run(_forget(settings, record, keys, timeout))
    if not whole:
        raise typer.Exit(EXIT_FAILED)


def _ask(account: str, held: Held) -> None:
    known = f"It has a score and {count_of(held.alerts, 'alert')}." if held.rows else "No such account is known here."
    out.print(known, markup=False)
    typer.confirm(f"Forget {account} for good?", abort=True)


async def _held(settings: Settings, account: str, keys: PartitionKeys) -> Held:
    client = connect(settings.redis_url.get_secret_value())
    try:
        return await Holders(client, account, keys).held()
    finally:
        await client.aclose()


async def _forget(settings: Settings, record: Forget, keys: PartitionKeys, timeout_s: float) -> bool:
    """Every step can be repeated: run again after a crash anywhere, it does what is left. Whether all of it is done."""
    clock = SystemClock()
    client = connect(settings.redis_url.get_secret_value())
    try:
        holders = Holders(client, record.account_id, keys)
        held = await holders.held()
        # A crash before: nothing has happened. After: the services forget it, with or without us.
        place = await written(settings, record)
        out.print(f"asked for in {place.topic}, partition {place.partition}, offset {place.offset}", markup=False)
        with Bar(
            SpinnerColumn(),
            TextColumn("waiting for {task.description}"),
            TimeElapsedColumn(),
            begins="the scorer",
            console=err,
            clock=clock,
        ) as bar:
            gone = await holders.wait(
                place, limit_s=timeout_s, clock=clock, told=lambda who: bar.show(who, 0, f"waiting for {who}")
            )
        # Before Redis loses it: a model's keyspace is how we know of its snapshots.
        await _bury(settings, record.account_id, await holders.former())
        former = await holders.erase_former()
    finally:
        await client.aclose()
    _say_held(gone, held, former, timeout_s)
    # After the scorer: until it has passed the request it may give up records of the account.
    purged = await _purge(settings, record.account_id)
    _say_stays(clock, settings)
    return gone.everywhere and purged


async def _bury(settings: Settings, account: str, former: list[PartitionKeys]) -> None:
    """Tombstones over the account's snapshots of models that run no more. Those of the running one are the scorer's."""
    topic = settings.topic(Topic.ACCOUNT_STATE)
    places = [StateTopic(topic, keys.model, keys.partition) for keys in former]
    output = KafkaOutput(settings, client_id="kenko-cli")
    try:
        await output.send([record for place in places for record in place.tombstones(account)])
    finally:
        await output.stop()


async def _purge(settings: Settings, account: str) -> bool:
    """Whether no dead letter of it is left. What stands in the way is said, and leaves the rest done."""
    output = KafkaOutput(settings, client_id="kenko-cli")
    topic = settings.topic(Topic.DEAD_LETTERS)
    try:
        async with KafkaTrimmer(settings) as trimmer:
            log = TopicBrowser(settings, topic)
            _say_purged(await purge(account, topic, open_log=log, output=output, trimmer=trimmer))
    except KenkoError as error:
        err.print(
            f"{topic}: its dead letters are NOT removed: {error}.\nNothing of them can come back into any score; they"
            " stay until the topic's retention takes them. Mend it and run the command again.",
            markup=False,
            soft_wrap=True,
        )
        return False
    finally:
        await output.stop()
    return True


def _say_held(gone: Gone, held: Held, former: list[str], timeout_s: float) -> None:
    if gone.scorer:
        row = "its row, score and ids" if held.rows else "nothing, for it had no score"
        out.print(f"state: removed {row}; a tombstone is on the scores topic", markup=False)
    for model in former:
        out.print(f"state of {model}, which does not run: removed its row, score and ids", markup=False)
    if gone.alerter:
        out.print(f"alerts: removed {count_of(held.alerts, 'alert')} with what waited to be sent", markup=False)
    if not gone.everywhere:
        err.print(
            f"After {timeout_s:.0f} s not forgotten yet by {gone.waits_for()}. The request stands in the log: it will,"
            " as soon as it runs and gets there. Run the command again to be sure.",
            markup=False,
            soft_wrap=True,
        )


def _say_purged(done: Purged) -> None:
    others = f"; {count_of(done.rewritten, 'letter')} of others moved behind" if done.rewritten else ""
    out.print(f"dead letters: removed {done.letters:,}{others}", markup=False)


def _say_stays(clock: Clock, settings: Settings) -> None:
    out.print("What stays, in Kafka only, and is read into nothing:", markup=False)
    for line in stays(clock.now_ms(), settings.topic_prefix):
        out.print(f"  {line}", markup=False, soft_wrap=True)
    out.print("In Redis a keyed hash of the id stays, by which it is known that it is forgotten.", markup=False)
