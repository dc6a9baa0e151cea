"""`kenko explain`: an account's score, the contributions that add up to it, and what changed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from kenko.alerting.policy import AlertPolicy
from kenko.backtest.event_source import EventSource, open_source
from kenko.backtest.family import possible_children
from kenko.backtest.live import LiveState
from kenko.backtest.plan import closing_tick, plan
from kenko.backtest.run import Backtest, Judge, run
from kenko.backtest.view import AccountView
from kenko.cli.account_view import last_of_alert, last_of_transitions, print_view
from kenko.cli.children_view import print_children
from kenko.cli.durations import read_duration, read_time
from kenko.cli.examples import DEFAULT_MODEL
from kenko.cli.local_info import found_settings
from kenko.cli.model_file import read_model
from kenko.cli.say import EXIT_USAGE, fail, foreseen
from kenko.engine.rollup import Child, roll_up
from kenko.model import HealthModel
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings

_T = TypeVar("_T")


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
    children: Annotated[
        bool, typer.Option("--children", help="The accounts whose trait `parent` is ACCOUNT, weighed by revenue.")
    ] = False,
) -> None:
    """Print the score of ACCOUNT, every contribution to it, and what changed since about a week ago.

    With --children: the accounts whose parent is ACCOUNT, how each of them does, and the whole weighed by revenue.

    Reads the Redis of the stack that runs here, or KENKO_REDIS_URL; with --events it needs neither.
    """
    if at is not None and events is None:
        fail("--at goes with --events: Redis holds the present.", code=EXIT_USAGE)
    with foreseen():
        file = None
        if events is not None:
            until_ms = None if at is None else read_time(at)
            file = _File(open_source(events), read_model(model or DEFAULT_MODEL), read_duration(tick), until_ms)
        if children:
            found = _live_children(account, model) if file is None else _offline_children(account, file)
            if not found:
                fail(_no_children(account, events))
            print_children(account, found, roll_up(found))
        else:
            print_view(*(_live(account, model) if file is None else _offline(account, file)))


@dataclass(frozen=True)
class _File:
    """A file to fold."""

    source: EventSource
    model: HealthModel
    interval_ms: int
    until_ms: int | None

    def fold(self, accounts: Container[str]) -> Backtest:
        """These accounts alone, for accounts do not touch each other; up to the same tick as with all of them."""
        now_ms = SystemClock().now_ms()
        until_ms = self.until_ms
        if until_ms is None:
            until_ms = closing_tick(min(self.source.last_ms, now_ms), self.interval_ms).time_ms
        events = (event for event in self.source.events() if event.account_id in accounts)
        steps = plan(events, interval_ms=self.interval_ms, until_ms=until_ms, not_after_ms=now_ms)
        return run(steps, Judge(self.model, 1, AlertPolicy(), now_ms))


def _live(account: str, model: Path | None) -> tuple[AccountView, str | None]:
    async def read(live: LiveState) -> tuple[AccountView | None, str | None]:
        return await live.view(account), last_of_alert(await live.last_alert(account))

    view, last = _read(model, read)
    if view is None:
        fail(f"{account!r} is not known, or no tick has come since its first event.")
    return view, last


def _live_children(account: str, model: Path | None) -> list[Child]:
    return _read(model, lambda live: live.children(account))


def _read(model: Path | None, read: Callable[[LiveState], Awaitable[_T]]) -> _T:
    """What the running system holds."""
    settings, info = found_settings(Settings, os.environ)
    path = model or settings.model_path or (info.model if info else None)
    if path is None:
        fail("Which model? Start `kenko up` in this folder, set KENKO_MODEL, or give --model.", code=EXIT_USAGE)

    async def connected() -> _T:
        async with LiveState(settings, read_model(path)) as live:
            return await read(live)

    return asyncio.run(connected())


def _offline(account: str, file: _File) -> tuple[AccountView, str | None]:
    if account not in file.source.accounts:
        fail(f"{file.source.path} holds no event of {account!r}.")
    backtest = file.fold({account})
    view = backtest.fold.view(account)
    if view is None:
        fail(f"{account!r} has no event before that time that counts.")
    return view, last_of_transitions(backtest.transitions)


def _offline_children(account: str, file: _File) -> list[Child]:
    return file.fold(possible_children(file.source.events(), account)).fold.children(account)


def _no_children(account: str, events: Path | None) -> str:
    """A parent need not be an account itself, so nothing more can be said of its id."""
    if events is not None:
        return f"No account in {events} has {account!r} as its trait `parent`."
    return f"No account has {account!r} as its trait `parent`. To say it of one: kenko traits CHILD parent={account}"
