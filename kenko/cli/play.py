"""Play a file against running services, with a progress bar: what `kenko replay` and `kenko demo` share."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import NamedTuple

import aiohttp

from kenko.backtest.check import zones_of
from kenko.backtest.event_source import EventSource
from kenko.backtest.live import LiveState
from kenko.backtest.plan import plan
from kenko.backtest.replay import Pace, Progress, Replay
from kenko.backtest.sender import EventSender, Sent
from kenko.backtest.ticks import NoTicks, Ticks, TickWriter
from kenko.cli.replay_bar import ReplayBar
from kenko.dialects.times import MAX_AHEAD_MS
from kenko.model import HealthModel
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings

WATCH_S = 1.0
WATCH_SHARE = 0.05
"""Reading the zones of many accounts takes a while: no more than this share of the time goes into it."""


class Target(NamedTuple):
    """Where to play to."""

    url: str
    key: str | None
    settings: Settings
    model: HealthModel | None
    """To show zones; None shows none."""


@dataclass(frozen=True)
class Played:
    """What was played."""

    progress: Progress
    sent: Sent
    ends: dict[int, int]
    """By partition: the end of its log after the last tick; empty if no ticks were written."""
    not_after_ms: int
    """The wall time by which events were in the future."""


async def play(
    source: EventSource, target: Target, pace: Pace, bar: ReplayBar, *, until_ms: int | None = None
) -> Played:
    """Play the file to its end, to `until_ms` (event time), or until the pace's time is up.

    Raises:
        TransientError: ingest or Kafka stayed away.
        PermanentError: ingest refuses everything.
    """
    not_after_ms = SystemClock().now_ms() + MAX_AHEAD_MS
    steps = plan(source.events(), interval_ms=pace.interval_ms, until_ms=until_ms, not_after_ms=not_after_ms)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        writer = TickWriter(target.settings) if target.settings.time == "log" else None
        ticks: Ticks = NoTicks() if writer is None else await stack.enter_async_context(writer)
        if target.model is not None:
            live = await stack.enter_async_context(LiveState(target.settings, target.model))
            watch = asyncio.create_task(_watch(live, bar))
            stack.callback(watch.cancel)
        sender = EventSender(session, url=target.url, key=target.key)
        progress = await Replay(sender, ticks, pace=pace).play(steps, report=bar.report)
    return Played(progress, sender.sent, {} if writer is None else writer.ends, not_after_ms)


async def _watch(live: LiveState, bar: ReplayBar) -> None:
    clock = SystemClock()
    while True:
        start_s = clock.monotonic()
        bar.zones(zones_of(await live.scores()))
        await asyncio.sleep(max(WATCH_S, (clock.monotonic() - start_s) / WATCH_SHARE))
