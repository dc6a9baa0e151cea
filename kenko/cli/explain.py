"""`kenko explain`: an account's score, the contributions that add up to it, and what changed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from kenko.alerting.policy import AlertPolicy
from kenko.backtest.event_source import open_source
from kenko.backtest.live import LiveState
from kenko.backtest.plan import closing_tick, plan
from kenko.backtest.run import Judge, run
from kenko.backtest.view import AccountView
from kenko.cli.account_view import last_of_alert, last_of_transitions, print_view
from kenko.cli.durations import read_duration, read_time
from kenko.cli.examples import SAAS_MODEL
from kenko.cli.local_info import found_settings
from kenko.cli.model_file import read_model
from kenko.cli.say import EXIT_USAGE, fail, foreseen
from kenko.model import HealthModel
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings


def explain(
    account: Annotated[str, typer.Argument(help="The account's id.")],
    *,
    events: Annotated[Path | None, typer.Option(help="Fold this file instead of reading Redis.")] = None,
    model: Annotated[
        Path | None, typer.Option(help="Health model; by default the one of the stack that runs here.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="With --events: the time to look at, also after the file's end.")
    ] = None,
    tick: Annotated[str, typer.Option(help="With --events: event time between two ticks.")] = "1h",
) -> None:
    """Print the score of ACCOUNT, every contribution to it, and what changed since about a week ago.

    Reads the Redis of the stack that runs here, or KENKO_REDIS_URL; with --events it needs neither.
    """
    if at is not None and events is None:
        fail("--at goes with --events: Redis holds the present.", code=EXIT_USAGE)
    with foreseen():
        if events is None:
            view, last = _live(account, model)
        else:
            until_ms = None if at is None else read_time(at)
            view, last = _offline(account, read_model(model or SAAS_MODEL), events, read_duration(tick), until_ms)
    print_view(view, last)


def _live(account: str, model: Path | None) -> tuple[AccountView, str | None]:
    settings, info = found_settings(Settings, os.environ)
    path = model or settings.model_path or (info.model if info else None)
    if path is None:
        fail("Which model? Start `kenko up` in this folder, set KENKO_MODEL, or give --model.", code=EXIT_USAGE)

    async def read() -> tuple[AccountView | None, str | None]:
        async with LiveState(settings, read_model(path)) as live:
            return await live.view(account), last_of_alert(await live.last_alert(account))

    view, last = asyncio.run(read())
    if view is None:
        fail(f"{account!r} is not known, or no tick has come since its first event.")
    return view, last


def _offline(
    account: str, model: HealthModel, events: Path, interval_ms: int, until_ms: int | None
) -> tuple[AccountView, str | None]:
    source = open_source(events)
    if account not in source.accounts:
        fail(f"{events} holds no event of {account!r}.")
    # Accounts do not touch each other: the others need not be folded.
    mine = (event for event in source.events() if event.account_id == account)
    now_ms = SystemClock().now_ms()
    if until_ms is None:
        until_ms = closing_tick(min(source.last_ms, now_ms), interval_ms).time_ms
    steps = plan(mine, interval_ms=interval_ms, until_ms=until_ms, not_after_ms=now_ms)
    backtest = run(steps, Judge(model, 1, AlertPolicy(), now_ms))
    view = backtest.fold.view(account)
    if view is None:
        fail(f"{account!r} has no event before that time that counts.")
    return view, last_of_transitions(backtest.transitions)
