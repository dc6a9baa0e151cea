"""The package cloudevents as product teams run it, binary and structured, against a running ingest."""

from __future__ import annotations

import asyncio
import gzip
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import requests
from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent
from urllib3.util.retry import Retry

from kenko.dialects.cloudevents import decode_record
from kenko.engine.partition import Outcome
from kenko.runtime.clock import SystemClock
from schemas.topics import Topic

KEY = "a-key-for-the-tests-of-ingest"
EVENTS = 1000
MODES = {"binary": http.to_binary_event, "structured": http.to_structured_event}


def event(number: int = 0, **changed: Any) -> CloudEvent:
    attributes = {
        "source": "反/reports service",
        "type": "Report Exported",
        "subject": f"account-{number % 7}",
        "userid": f"user-{number % 31}",
        "datacontenttype": "application/json",
    }
    return CloudEvent({k: v for k, v in (attributes | changed).items() if v is not ...}, {"rows": number})


def post_all(port: int, mode: str, events: list[CloudEvent], *, compress: bool = False) -> list[requests.Response]:
    """As a product does it: with a client that sends again on 429 and 503, and waits as it is told."""
    again = Retry(total=5, status_forcelist=[429, 503], allowed_methods=None, raise_on_status=False)
    with requests.Session() as session:
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=again))
        answers = []
        for one in events:
            message = MODES[mode](one)
            headers = message.headers | {"Authorization": f"Bearer {KEY}"}
            headers |= {"Content-Encoding": "gzip"} if compress else {}
            body = gzip.compress(message.body) if compress else message.body
            answers.append(session.post(f"http://127.0.0.1:{port}/v1/events", data=body, headers=headers))
        return answers


@pytest.mark.parametrize(
    ("mode", "compress", "trouble"),
    [
        ("binary", False, "429 first"),
        ("binary", True, "503 first"),
        ("binary", False, "503 although it was kept"),
        ("structured", True, "429 first"),
        ("structured", False, "503 although it was kept"),
    ],
)
async def test_a_thousand_events_count_once_each(start, front, forgetful_sink, fold, mode, compress, trouble) -> None:
    kept_twice = trouble == "503 although it was kept"
    before = front(int(trouble[:3]), first=0 if kept_twice else 1)
    async with start(forgetful_sink(1 if kept_twice else 0), before) as ingest:
        events = [event(number) for number in range(EVENTS)]
        answers = await asyncio.to_thread(post_all, ingest.port, mode, events, compress=compress)

    assert {answer.status_code for answer in answers} == {200}
    assert before.encodings == {"gzip" if compress else ""}
    now_ms = SystemClock().now_ms()
    kept = [decode_record(r.key, r.value, r.headers, now_ms) for r in ingest.sink.of(Topic.USAGE_EVENTS)]
    assert len({(item.source, item.id) for item in kept}) == EVENTS
    outcomes = {Outcome.APPLIED: EVENTS} | ({Outcome.DUPLICATE: 1} if kept_twice else {})
    assert fold(ingest) == outcomes
    assert kept[0].source == "反/reports service"
    assert kept[-1].properties == {"rows": EVENTS - 1}


@pytest.mark.parametrize("mode", MODES)
async def test_both_modes_say_the_same(start, mode) -> None:
    given = event(3, id="e1", time=datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC))
    async with start() as ingest:
        await asyncio.to_thread(post_all, ingest.port, mode, [given])
    [record] = ingest.sink.of(Topic.USAGE_EVENTS)
    kept = decode_record(record.key, record.value, record.headers, SystemClock().now_ms())
    assert kept.model_dump(exclude={"received_at"}) == {
        "id": "e1",
        "source": "反/reports service",
        "account_id": "account-3",
        "user_id": "user-3",
        "event": "Report Exported",
        "time": datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC),
        "properties": {"rows": 3},
        "backfill": False,
    }


@pytest.mark.parametrize(("mode", "field"), [("binary", "ce-subject"), ("structured", "subject")])
async def test_an_invalid_event_is_refused_once_in_words(start, front, mode, field) -> None:
    before = front()
    async with start(front=before) as ingest:
        [answer] = await asyncio.to_thread(post_all, ingest.port, mode, [event(id="e1", subject=...)])
    assert before.posts == 1
    assert (answer.status_code, answer.json()["failed_records"][0]["field"]) == (400, field)
    assert answer.json()["detail"] == f"{field}: is required: the account whose health is scored"
    [letter] = ingest.sink.of(Topic.DEAD_LETTERS)
    kept = orjson.loads(letter.value)
    assert (kept["id"], kept["type"], kept["data"]) == ("e1", "Report Exported", {"rows": 0})
    assert KEY.encode() not in letter.value
