"""Gather from the records themselves: the newest events, a day's dead letters, the newest score. Reads only."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from pydantic import ValidationError

from kenko.cli.dlq.letter import read_letter, source_of
from kenko.cli.doctor.facts import LetterFacts, LogFacts, PublishedFacts, SeenRecord
from kenko.dialects.cloudevents import decode_record
from kenko.dialects.record import InvalidRecord
from kenko.runtime.settings import Settings
from kenko.stream.browser import Bounds, TopicBrowser
from schemas.base import to_ms
from schemas.dead_letter import DeadLetterReason
from schemas.health import ScoreUpdate
from schemas.tick import Tick
from schemas.topics import DAY_MS, Topic
from schemas.usage_event import UsageEvent

NEWEST: Final = 200
"""Records that are looked at, a partition."""
MOST_LETTERS: Final = 2_000
"""Likewise."""
LOG_APPEND_TIME: Final = 1
_WITHOUT_ACCOUNT: Final = ("account_id: is required", "subject: is required", "key: is null", "no account")
"""How the message of such a dead letter begins: with the field that is missing."""


async def ask_events(settings: Settings, now_ms: int) -> LogFacts:
    """The usage-events topic.

    Raises:
        TransientError: no broker answers.
        PermanentError: it refuses.
        ConfigurationError: there is no such topic.
    """
    async with TopicBrowser(settings, settings.topic(Topic.USAGE_EVENTS)) as browser:
        bounds = await browser.bounds()
        day_ago = await browser.offsets_at(now_ms - DAY_MS)
        newest = [_seen(record) async for record in browser.read(_last(bounds, NEWEST))]
    return LogFacts(bounds, newest, sum(bounds[p].end - day_ago[p] for p in bounds))


async def ask_letters(settings: Settings, now_ms: int) -> LetterFacts:
    """The dead letters of the last 24 hours; raises as `ask_events`."""
    by_reason: Counter[DeadLetterReason | None] = Counter()
    by_source: Counter[tuple[str, str]] = Counter()
    without_account = 0
    async with TopicBrowser(settings, settings.topic(Topic.DEAD_LETTERS)) as browser:
        bounds = await browser.bounds()
        day_ago = await browser.offsets_at(now_ms - DAY_MS)
        of_day = {p: Bounds(day_ago[p], bounds[p].end) for p in bounds}
        wanted = _last(of_day, MOST_LETTERS)
        async for record in browser.read(wanted):
            letter = read_letter(record)
            by_reason[letter.error.reason if letter else None] += 1
            if letter is not None:
                by_source[source_of(letter), letter.error.reason.value] += 1
            without_account += letter is not None and letter.error.message.startswith(_WITHOUT_ACCOUNT)
    return LetterFacts(by_reason, without_account, sum(wanted[p].start - of_day[p].start for p in of_day), by_source)


async def ask_scores(settings: Settings) -> PublishedFacts:
    """The newest score that was published; raises as `ask_events`."""
    async with TopicBrowser(settings, settings.topic(Topic.SCORES)) as browser:
        ends = _last(await browser.bounds(), 1)
        updates = [(record.timestamp, _update(record.value)) async for record in browser.read(ends)]
    known = [(timestamp_ms, update) for timestamp_ms, update in updates if update is not None]
    if not known:
        return PublishedFacts(None, None)
    _, newest = max(known, key=lambda found: found[0])
    return PublishedFacts(newest.model, newest.score_hash)


def _last(bounds: dict[int, Bounds], most: int) -> dict[int, Bounds]:
    """The end of each range, `most` offsets long."""
    return {p: Bounds(max(start, end - most), end) for p, (start, end) in bounds.items()}


def _seen(record: Any) -> SeenRecord:
    try:
        content = decode_record(record.key, record.value, record.headers, record.timestamp)
    except InvalidRecord:  # the scorer puts it among the dead letters, where it is counted
        content = None
    return SeenRecord(
        partition=record.partition,
        key=record.key,
        timestamp_ms=record.timestamp,
        append_time=record.timestamp_type == LOG_APPEND_TIME,
        source=content.source if isinstance(content, UsageEvent) else None,
        tick_ms=to_ms(content.time) if isinstance(content, Tick) else None,
    )


def _update(value: bytes | None) -> ScoreUpdate | None:
    """None for a tombstone, and for a record that somebody else wrote there."""
    try:
        return None if value is None else ScoreUpdate.model_validate_json(value)
    except ValidationError:
        return None
