"""The packages segment-analytics-python and rudder-sdk-python as product teams run them, against a running ingest."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import rudderstack.analytics.request
import segment.analytics.request
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

from kenko.dialects.cloudevents import decode_record
from kenko.engine.partition import Outcome
from kenko.runtime.clock import SystemClock
from schemas.account_traits import AccountTraits
from schemas.topics import Topic
from schemas.usage_event import UsageEvent

KEY = "a-key-for-the-tests-of-ingest"
EVENTS = 1000
CLIENTS = {
    "segment": (SegmentClient, segment.analytics.request._session),
    "rudderstack": (RudderClient, rudderstack.analytics.request._session),
}


@dataclass
class Sdk:
    """One of the packages, and what its error hook was told."""

    client: Any
    errors: list[tuple[Exception, list[Any]]] = field(default_factory=list)


@contextmanager
def running(name: str, port: int, *, key: str = KEY, gzip: bool = True) -> Iterator[Sdk]:
    """A client of package `name`. Everything it holds is given back at the end: its thread, its sockets, its hook."""
    kind, session = CLIENTS[name]
    errors: list[tuple[Exception, list[Any]]] = []
    client = kind(
        key, host=f"http://127.0.0.1:{port}", gzip=gzip, on_error=lambda error, batch: errors.append((error, batch))
    )
    try:
        yield Sdk(client, errors)
    finally:
        client.shutdown()
        atexit.unregister(client.join)
        session.close()


async def use(name: str, port: int, work: Callable[[Any], object], **options: Any) -> list[tuple[Exception, list[Any]]]:
    """Let `work` call the client, wait until it has sent everything, and give what its error hook was told."""

    def in_thread() -> list[tuple[Exception, list[Any]]]:
        with running(name, port, **options) as sdk:
            work(sdk.client)
            sdk.client.flush()
            return sdk.errors

    return await asyncio.to_thread(in_thread)


def a_thousand_tracks(client: Any) -> None:
    for number in range(EVENTS):
        account, user = f"account-{number % 7}", f"user-{number % 31}"
        client.track(user, "Report Exported", {"rows": number}, context={"groupId": account})


@pytest.mark.parametrize("trouble", ["429 first", "503 first", "503 although it was kept"])
@pytest.mark.parametrize("gzip", [True, False], ids=["gzip", "plain"])
@pytest.mark.parametrize("name", CLIENTS)
async def test_a_thousand_events_count_once_each(start, front, forgetful_sink, fold, name, gzip, trouble) -> None:
    kept_twice = trouble == "503 although it was kept"
    before = front(int(trouble[:3]), first=0 if kept_twice else 2)
    async with start(forgetful_sink(2 if kept_twice else 0), before) as ingest:
        errors = await use(name, ingest.port, a_thousand_tracks, gzip=gzip)

    assert errors == []
    assert before.encodings == {"gzip" if gzip else ""}
    events = ingest.sink.of(Topic.USAGE_EVENTS)
    headers = [dict(record.headers) for record in events]
    assert len({(header["ce_source"], header["ce_id"]) for header in headers}) == EVENTS
    outcomes = fold(ingest)
    assert (outcomes[Outcome.APPLIED], outcomes[Outcome.DUPLICATE]) == (EVENTS, len(events) - EVENTS)
    assert outcomes.total() == len(events)
    assert (len(events) > EVENTS) == kept_twice, "what was kept although the answer was 503 came again"
    assert ingest.sink.of(Topic.DEAD_LETTERS) == []


@pytest.mark.parametrize("name", CLIENTS)
async def test_an_invalid_event_is_refused_once_in_words(start, front, name) -> None:
    before = front()
    async with start(front=before) as ingest:
        [(error, batch)] = await use(
            name, ingest.port, lambda client: client.track("ann", "  ", context={"groupId": "acme"})
        )
    assert before.posts == 1
    assert "invalid_events" in str(error)
    assert "event: must not begin or end with white space" in str(error)
    assert [call["event"] for call in batch] == ["  "]
    assert ingest.sink.of(Topic.USAGE_EVENTS) == []
    assert len(ingest.sink.of(Topic.DEAD_LETTERS)) == 1


@pytest.mark.parametrize("name", CLIENTS)
async def test_a_wrong_key_is_told_once_in_words(start, front, name) -> None:
    before = front()
    async with start(front=before) as ingest:
        [(error, batch)] = await use(name, ingest.port, lambda client: client.track("ann", "Seen"), key="another-key")
    assert before.posts == 1
    assert "unauthorized: a valid API key is required" in str(error)
    assert len(batch) == 1
    assert ingest.sink.written == []


def every_call(client: Any) -> None:
    client.group("ann", "acme", {"name": "Acme", "seats": 40})
    client.identify("ann", {"email": "ann@example.com", "company": {"id": "acme", "plan": "pro"}})
    client.page("ann", "Docs", "Pricing", {"url": "https://example.com/pricing"})
    client.screen("ann", "Settings", "Members")
    client.track(7, "Seat Added", {"account_id": 12, "seats": 41})
    client.alias("ann", "ann@acme")
    client.track("ann@acme", "Report Exported")
    client.identify("bob", {"email": "bob@example.com"})
    client.track("bob", "Report Exported")


@pytest.mark.parametrize("name", CLIENTS)
async def test_what_becomes_of_each_call(start, name) -> None:
    async with start() as ingest:
        assert await use(name, ingest.port, every_call) == []
    now_ms = SystemClock().now_ms()
    records = [decode_record(r.key, r.value, r.headers, now_ms) for r in ingest.sink.of(Topic.USAGE_EVENTS)]
    assert [(r.account_id, r.traits) for r in records if isinstance(r, AccountTraits)] == [
        ("acme", {"name": "Acme", "seats": 40}),
        ("acme", {"plan": "pro"}),
    ]
    assert [(r.account_id, r.user_id, r.event, r.properties) for r in records if isinstance(r, UsageEvent)] == [
        (
            "acme",
            "ann",
            "Page Viewed",
            {"url": "https://example.com/pricing", "name": "Pricing", "category": "Docs"},
        ),
        ("acme", "ann", "Screen Viewed", {"name": "Members", "category": "Settings"}),
        ("12", "7", "Seat Added", {"account_id": 12, "seats": 41}),
        ("acme", "ann@acme", "Report Exported", {}),
    ]
    # Bob was never seen in an account.
    assert len(ingest.sink.of(Topic.DEAD_LETTERS)) == 1
    assert all(record.source == "segment" for record in records)
