"""`kenko tail`: events as they are accepted, or as they are rejected."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Annotated, Any

import orjson
import typer

from kenko.cli.dlq.letter import account_of, as_dict, line_of, read_letter
from kenko.cli.durations import read_duration
from kenko.cli.local_info import found_settings
from kenko.cli.printable import printable
from kenko.cli.say import foreseen, out
from kenko.cli.signals import Stopped, stops, until_stopped
from kenko.dialects.cloudevents import decode_record
from kenko.dialects.record import InvalidRecord
from kenko.runtime.clock import SystemClock
from kenko.runtime.settings import Settings
from kenko.stream.browser import TopicBrowser
from schemas.topics import Topic
from schemas.usage_event import UsageEvent

Line = Callable[[Any], str | None]
"""What to print of a ConsumerRecord; None: nothing."""


def tail(
    *,
    rejected: Annotated[bool, typer.Option("--rejected", help="Dead letters instead of events.")] = False,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    since: Annotated[str | None, typer.Option(help="Begin 30s, 10m or 6h ago; by default now.")] = None,
    users: Annotated[bool, typer.Option("--users", help="Show the ids of users, not only that there is one.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Follow the events that are accepted, a line each: time, account, event, source, and `user` if a person did it.

    With --rejected: when, reason, what is wrong, who gave it up, and where it stood. Until Ctrl-C.
    """
    since_ms = None if since is None else SystemClock().now_ms() - read_duration(since)
    line = letters_of(account, json=json) if rejected else events_of(account, users=users, json=json)
    try:
        with foreseen(), stops():
            settings, _ = found_settings(Settings, os.environ)
            topic = settings.topic(Topic.DEAD_LETTERS if rejected else Topic.USAGE_EVENTS)
            asyncio.run(until_stopped(_follow(settings, topic, since_ms, line)))
    except Stopped:
        return


def events_of(account: str | None, *, users: bool, json: bool) -> Line:
    """Usage events. Ticks and the like are none, and what does not decode is among the dead letters."""

    def line(record: Any) -> str | None:
        try:
            event = decode_record(record.key, record.value, record.headers, record.timestamp)
        except InvalidRecord:
            return None
        if not isinstance(event, UsageEvent) or account not in (None, event.account_id):
            return None
        return _event_json(event, users=users) if json else _event_line(event, users=users)

    return line


def letters_of(account: str | None, *, json: bool) -> Line:
    """Dead letters."""

    def line(record: Any) -> str | None:
        letter = read_letter(record)
        if letter is None or (account is not None and account_of(letter) != account):
            return None
        return orjson.dumps(as_dict(letter)).decode() if json else f"{letter.place!s:<10}{line_of(letter)}"

    return line


async def _follow(settings: Settings, topic: str, since_ms: int | None, line: Line) -> None:
    async with TopicBrowser(settings, topic) as browser:
        if since_ms is None:
            starts = {partition: bounds.end for partition, bounds in (await browser.bounds()).items()}
        else:
            starts = await browser.offsets_at(since_ms)
        async for record in browser.follow(starts):
            text = line(record)
            if text is not None:
                out.print(text, markup=False, soft_wrap=True)


def _event_line(event: UsageEvent, *, users: bool) -> str:
    time = f"{event.time:%Y-%m-%d %H:%M:%S}"
    parts = [time, *map(printable, (event.account_id, event.event, event.source))]
    if event.user_id is not None:
        parts.append(printable(event.user_id) if users else "user")
    return "  ".join(parts)


def _event_json(event: UsageEvent, *, users: bool) -> str:
    shown = {
        "time": event.time,
        "account_id": event.account_id,
        "event": event.event,
        "source": event.source,
        "id": event.id,
        "has_user": event.user_id is not None,
    }
    if users:
        shown["user_id"] = event.user_id
    return orjson.dumps(shown, option=orjson.OPT_UTC_Z).decode()
