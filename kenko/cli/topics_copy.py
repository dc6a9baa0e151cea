"""`kenko topics copy`: lay the usage-events log out for another number of partitions, under new topics."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Final

import typer

from kenko.cli.durations import read_duration
from kenko.cli.local_info import found_settings
from kenko.cli.say import EXIT_USAGE, err, fail, foreseen, out
from kenko.runtime.errors import ConfigurationError, TransientError
from kenko.runtime.settings import Settings, read_settings
from kenko.stream.browser import Bounds, TopicBrowser
from kenko.stream.producer import KafkaOutput, OutRecord
from kenko.stream.relay import Relay, merged
from kenko.stream.topics import ensure_topics, log_name
from schemas.topics import Topic

AT_ONCE: Final = 2000
"""Records that wait for their acknowledgement together."""
ROUNDS: Final = 5
"""Whoever still writes adds records while we copy; who writes all the time is not waited for."""
SAY_EVERY: Final = 100_000


def topics_copy(
    *,
    to_prefix: Annotated[str, typer.Option(help="KENKO_TOPIC_PREFIX of the new topics, for example v2.")],
    partitions: Annotated[int, typer.Option(min=1, max=4096, help="How many partitions they get.")],
    tick: Annotated[str, typer.Option(help="Log time between two ticks of the copy; others are left out.")] = "10s",
) -> None:
    """Copy the usage-events log to new topics with another number of partitions, each account to the partition it has there.

    Stop ingest, all other producers, the scorers and the alerters first. Afterwards set KENKO_TOPIC_PREFIX and KENKO_PARTITIONS
    everywhere, and start them: the scorers build the state anew from the copy. The old topics stay as they are.

    Works on the Kafka of the stack that runs here, or on KENKO_KAFKA_URL.
    """
    with foreseen():
        settings, _ = found_settings(Settings, os.environ)
        if to_prefix == settings.topic_prefix:
            fail("--to-prefix is that of the topics to copy: new ones need another.", code=EXIT_USAGE)
        new = read_settings(Settings, **{**settings.model_dump(), "topic_prefix": to_prefix, "partitions": partitions})
        relay = asyncio.run(_copy(settings, new, read_duration(tick)))
    for fate, number in relay.counts.items():
        out.print(f"{number:>12,} {fate}", markup=False)
    out.print(
        f"Now set KENKO_TOPIC_PREFIX={to_prefix} and KENKO_PARTITIONS={partitions} everywhere, and start.", markup=False
    )


async def _copy(old: Settings, new: Settings, tick_every_ms: int) -> Relay:
    """Either all of it, or an error that says that the new topics are of no use."""
    source, target = (settings.topic(Topic.USAGE_EVENTS) for settings in (old, new))
    async with TopicBrowser(old, source) as log:
        cluster = await ensure_topics(
            new.kafka_url, partitions=new.partitions, replication=new.kafka_replication, prefix=new.topic_prefix
        )
        await _refuse_used(new, target)
        name = log_name(cluster, source)
        relay = Relay(old_log=name, topic=target, partitions=new.partitions, tick_every_ms=tick_every_ms)
        output = KafkaOutput(new, client_id="kenko-cli")
        try:
            await _copy_rounds(log, relay, output, target)
        except TransientError as error:
            raise TransientError(f"{error}\n{_useless(target)}") from error
        finally:
            await output.stop()
    return relay


async def _copy_rounds(log: TopicBrowser, relay: Relay, output: KafkaOutput, target: str) -> None:
    done = {partition: bounds.start for partition, bounds in (await log.bounds()).items()}
    for _ in range(ROUNDS):
        ends = {partition: bounds.end for partition, bounds in (await log.bounds()).items()}
        ranges = {p: Bounds(done[p], end) for p, end in ends.items() if done[p] < end}
        if not ranges:
            await output.send(relay.last_tick())
            return
        waiting, read = list[OutRecord](), 0
        async for record in merged(log, ranges):
            waiting += relay.relay(record)
            read += 1
            if len(waiting) >= AT_ONCE:
                await output.send(waiting)
                waiting.clear()
            if read % SAY_EVERY == 0:
                err.print(f"{read:,} records read", markup=False)
        await output.send(waiting)
        done = ends
    raise ConfigurationError(
        f"Somebody still writes to the old topic: stop ingest, other producers and the scorers first.\n{_useless(target)}"
    )


async def _refuse_used(new: Settings, target: str) -> None:
    async with TopicBrowser(new, target) as there:
        if any(bounds.end for bounds in (await there.bounds()).values()):
            raise ConfigurationError(
                f"{target} is not empty: what is copied has to stand before all else. Choose another --to-prefix."
            )


def _useless(target: str) -> str:
    return f"What was copied to {target} is not whole: delete it, or choose another --to-prefix, and copy again."
