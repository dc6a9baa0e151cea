"""The package posthog as product teams run it, v0 and v1, against a running ingest."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import posthog.request
import pytest
from posthog import Posthog

from kenko.dialects.cloudevents import decode_record
from kenko.engine.partition import Outcome
from kenko.runtime.clock import SystemClock
from schemas.account_traits import AccountTraits
from schemas.topics import Topic
from schemas.usage_event import UsageEvent

KEY = "a-key-for-the-tests-of-ingest"
EVENTS = 1000
MODES = [
    pytest.param({}, "", id="v0"),
    pytest.param({"gzip": True}, "gzip", id="v0-gzip"),
    pytest.param({"capture_mode": "v1"}, "", id="v1"),
    pytest.param({"capture_mode": "v1", "capture_compression": "gzip"}, "gzip", id="v1-gzip"),
    pytest.param({"capture_mode": "v1", "capture_compression": "deflate"}, "deflate", id="v1-deflate"),
]


@dataclass
class Sdk:
    """The package, and what its error hook was told."""

    client: Any
    errors: list[tuple[Any, list[Any]]] = field(default_factory=list)


@contextmanager
def running(port: int, *, key: str = KEY, **options: Any) -> Iterator[Sdk]:
    """A client. Everything it holds is given back at the end: its threads and its sockets."""
    errors: list[tuple[Any, list[Any]]] = []
    client = Posthog(
        key, host=f"http://127.0.0.1:{port}", on_error=lambda error, batch: errors.append((error, batch)), **options
    )
    try:
        yield Sdk(client, errors)
    finally:
        client.shutdown()
        posthog.request.reset_sessions()


async def use(port: int, work: Callable[[Any], object], **options: Any) -> list[tuple[Any, list[Any]]]:
    """Let `work` call the client, wait until it has sent everything, and give what its error hook was told."""

    def in_thread() -> list[tuple[Any, list[Any]]]:
        with running(port, **options) as sdk:
            work(sdk.client)
            sdk.client.flush(timeout_seconds=None)
            return sdk.errors

    return await asyncio.to_thread(in_thread)


def a_thousand_captures(client: Any) -> None:
    for number in range(EVENTS):
        groups = {"company": f"account-{number % 7}"}
        client.capture("Report Exported", distinct_id=f"user-{number % 31}", properties={"rows": number}, groups=groups)


def applied(duplicates: int) -> dict[Outcome, int]:
    return {Outcome.APPLIED: EVENTS} | ({Outcome.DUPLICATE: duplicates} if duplicates else {})


@pytest.mark.parametrize("trouble", ["429 first", "503 first", "503 although it was kept"])
@pytest.mark.parametrize(("options", "encoding"), MODES)
async def test_a_thousand_events_count_once_each(
    start, front, forgetful_sink, fold, options, encoding, trouble
) -> None:
    kept_twice = trouble == "503 although it was kept"
    before = front(int(trouble[:3]), first=0 if kept_twice else 1)
    async with start(forgetful_sink(1 if kept_twice else 0), before) as ingest:
        errors = await use(ingest.port, a_thousand_captures, **options)

    assert errors == []
    assert before.encodings == {encoding}
    events = ingest.sink.of(Topic.USAGE_EVENTS)
    headers = [dict(record.headers) for record in events]
    assert len({(header["ce_source"], header["ce_id"]) for header in headers}) == EVENTS
    assert fold(ingest) == applied(len(events) - EVENTS)
    assert (len(events) > EVENTS) == kept_twice, "what was kept although it was answered 503 came again"
    assert ingest.sink.of(Topic.DEAD_LETTERS) == []


@pytest.mark.parametrize("options", [{}, {"capture_mode": "v1"}], ids=["v0", "v1"])
async def test_an_invalid_event_is_refused_once_in_words(start, front, options) -> None:
    before = front()
    async with start(front=before) as ingest:
        [(error, batch)] = await use(
            ingest.port,
            lambda client: client.capture("kenko.tick.v1", distinct_id="ann", groups={"company": "acme"}),
            **options,
        )
    assert before.posts == 1
    assert error.status == 400
    assert "event: names that begin with 'kenko.' are reserved" in str(error)
    assert [call["event"] for call in batch] == ["kenko.tick.v1"]
    assert ingest.sink.of(Topic.USAGE_EVENTS) == []
    assert len(ingest.sink.of(Topic.DEAD_LETTERS)) == 1


async def test_v1_tells_its_error_hook_of_the_bad_event_of_a_batch_and_of_no_other(start, front) -> None:
    def work(client: Any) -> None:
        client.capture("Report Exported", distinct_id="ann", groups={"company": "acme"})
        client.capture("kenko.tick.v1", distinct_id="ann", groups={"company": "acme"})
        client.capture("Report Exported", distinct_id="nobody knows")

    before = front()
    async with start(front=before) as ingest:
        [(error, batch)] = await use(ingest.port, work, capture_mode="v1")
    assert before.posts == 1
    assert (error.status, len(error.drops), len(batch)) == (200, 1, 3)
    assert error.drops[0][0] == batch[1]["uuid"]
    assert error.drops[0][1].startswith("event: names that begin with 'kenko.'")
    assert len(ingest.sink.of(Topic.USAGE_EVENTS)) == 1
    assert len(ingest.sink.of(Topic.DEAD_LETTERS)) == 2


@pytest.mark.parametrize("options", [{}, {"capture_mode": "v1"}], ids=["v0", "v1"])
async def test_a_wrong_key_is_told_once_in_words(start, front, options, caplog) -> None:
    before = front()
    async with start(front=before) as ingest:
        with caplog.at_level(logging.ERROR, logger="posthog"):
            [(error, _)] = await use(
                ingest.port, lambda client: client.capture("Seen", distinct_id="ann"), key="another-key", **options
            )
    assert before.posts == 1
    assert error.status == 401
    assert "a valid API key is required" in str(error)
    assert "a valid API key is required" in caplog.text
    assert ingest.sink.written == []


def every_call(client: Any) -> None:
    client.group_identify("company", "acme", {"name": "Acme", "seats": 40}, distinct_id="ann")
    client.group_identify("project", "p1", {"name": "Project"})
    client.set(distinct_id="ann", properties={"email": "ann@example.com"})
    client.alias("ann", "ann@acme")
    client.capture("$pageview", distinct_id="ann", properties={"$current_url": "https://example.com/"})
    client.capture("$screen", distinct_id="ann@acme", properties={"$screen_name": "Members"})
    client.capture(7, distinct_id="ann")
    client.capture("Seat Added", distinct_id=7, properties={"account_id": 12, "seats": 41})
    client.capture("Report Exported", distinct_id="bob")


@pytest.mark.parametrize("options", [{}, {"capture_mode": "v1"}], ids=["v0", "v1"])
async def test_what_becomes_of_each_call(start, options) -> None:
    async with start() as ingest:
        await use(ingest.port, every_call, **options)
    now_ms = SystemClock().now_ms()
    records = [decode_record(r.key, r.value, r.headers, now_ms) for r in ingest.sink.of(Topic.USAGE_EVENTS)]
    assert [(r.account_id, r.traits) for r in records if isinstance(r, AccountTraits)] == [
        ("acme", {"name": "Acme", "seats": 40})
    ]
    events = [r for r in records if isinstance(r, UsageEvent)]
    assert [(r.account_id, r.user_id, r.event) for r in events] == [
        ("acme", "ann", "Page Viewed"),
        ("acme", "ann@acme", "Screen Viewed"),
        ("12", "7", "Seat Added"),
    ]
    assert (events[1].properties["name"], events[2].properties["seats"]) == ("Members", 41)
    assert not {"$set", "$groups", "token", "api_key"} & {name for r in events for name in r.properties}
    # A name that is a number, and Bob, who was never seen in an account.
    assert len(ingest.sink.of(Topic.DEAD_LETTERS)) == 2
    assert {record.source for record in records} == {"posthog"}


@pytest.mark.parametrize("options", [{}, {"capture_mode": "v1"}], ids=["v0", "v1"])
async def test_history_is_marked(start, options) -> None:
    def work(client: Any) -> None:
        client.capture("Seen", distinct_id="a", groups={"company": "acme"}, timestamp=datetime(2025, 1, 2, tzinfo=UTC))

    async with start() as ingest:
        assert await use(ingest.port, work, historical_migration=True, **options) == []
    [record] = ingest.sink.of(Topic.USAGE_EVENTS)
    event = decode_record(record.key, record.value, record.headers, SystemClock().now_ms())
    assert (event.backfill, event.time) == (True, datetime(2025, 1, 2, tzinfo=UTC))
