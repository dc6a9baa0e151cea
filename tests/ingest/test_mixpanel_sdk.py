"""The package mixpanel as product teams run it, with both of its consumers, against a running ingest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from mixpanel import BufferedConsumer, Consumer, Mixpanel, MixpanelException, ServiceAccountCredentials

from kenko.dialects.cloudevents import decode_record
from kenko.engine.partition import Outcome
from kenko.runtime.clock import SystemClock
from schemas.account_traits import AccountTraits
from schemas.topics import Topic
from schemas.usage_event import UsageEvent

KEY = "a-key-for-the-tests-of-ingest"
EVENTS = 1000
CONSUMERS = {"one by one": Consumer, "buffered": BufferedConsumer}


@contextmanager
def running(port: int, kind: str, *, key: str = KEY, **options: Any) -> Iterator[Mixpanel]:
    base = f"http://127.0.0.1:{port}"
    consumer = CONSUMERS[kind](
        events_url=f"{base}/track",
        people_url=f"{base}/engage",
        import_url=f"{base}/import",
        groups_url=f"{base}/groups",
        **options,
    )
    # The package sends again over https only; here it is to do over http what it does there.
    session = getattr(consumer, "_consumer", consumer)._session
    session.mount("http://", session.get_adapter("https://"))
    try:
        yield Mixpanel(key, consumer)
        if kind == "buffered":
            consumer.flush()
    finally:
        session.close()


async def use(port: int, kind: str, work: Callable[[Mixpanel], object], **options: Any) -> None:
    """Let `work` call the client, and wait until it has sent everything; raises what the client raises."""

    def in_thread() -> None:
        with running(port, kind, **options) as client:
            work(client)

    await asyncio.to_thread(in_thread)


def a_thousand_tracks(client: Mixpanel) -> None:
    for number in range(EVENTS):
        properties = {"company_id": f"account-{number % 7}", "rows": number}
        client.track(f"user-{number % 31}", "Report Exported", properties)


def a_thousand_imports(client: Mixpanel) -> None:
    start = SystemClock().now_ms() // 1000 - EVENTS
    for number in range(EVENTS):
        properties = {"company_id": f"account-{number % 7}", "rows": number}
        client.import_data(None, f"user-{number % 31}", "Report Exported", start + number, properties)


def records_of(ingest: Any) -> list[Any]:
    now_ms = SystemClock().now_ms()
    return [decode_record(r.key, r.value, r.headers, now_ms) for r in ingest.sink.of(Topic.USAGE_EVENTS)]


def applied(duplicates: int) -> dict[Outcome, int]:
    return {Outcome.APPLIED: EVENTS} | ({Outcome.DUPLICATE: duplicates} if duplicates else {})


@pytest.mark.parametrize(
    ("kind", "work", "trouble"),
    [
        ("one by one", a_thousand_tracks, "429 first"),
        ("one by one", a_thousand_tracks, "503 first"),
        ("one by one", a_thousand_imports, "503 although it was kept"),
        ("buffered", a_thousand_tracks, "429 first"),
        ("buffered", a_thousand_tracks, "503 first"),
        ("buffered", a_thousand_tracks, "503 although it was kept"),
        ("buffered", a_thousand_imports, "429 first"),
        ("buffered", a_thousand_imports, "503 although it was kept"),
    ],
)
async def test_a_thousand_events_count_once_each(start, front, forgetful_sink, fold, kind, work, trouble) -> None:
    kept_twice = trouble == "503 although it was kept"
    before = front(int(trouble[:3]), first=0 if kept_twice else 1)
    async with start(forgetful_sink(1 if kept_twice else 0), before) as ingest:
        await use(ingest.port, kind, work)

    assert before.posts == (EVENTS if kind == "one by one" else EVENTS // 50) + 1
    events = records_of(ingest)
    assert len({(event.source, event.id) for event in events}) == EVENTS
    assert fold(ingest) == applied(len(events) - EVENTS)
    assert (len(events) > EVENTS) == kept_twice, "what was kept although it was answered 503 came again"
    assert {event.backfill for event in events} == {work is a_thousand_imports}
    assert not {"token", "$insert_id", "time"} & {name for event in events for name in event.properties}
    assert ingest.sink.of(Topic.DEAD_LETTERS) == []


@pytest.mark.parametrize("kind", CONSUMERS)
async def test_an_invalid_event_is_refused_once_in_words(start, front, kind) -> None:
    before = front()
    async with start(front=before) as ingest:
        with pytest.raises(MixpanelException, match=r"event: names that begin with 'kenko\.' are reserved"):
            await use(ingest.port, kind, lambda client: client.track("ann", "kenko.tick.v1", {"company_id": "acme"}))
    assert before.posts == 1
    assert ingest.sink.of(Topic.USAGE_EVENTS) == []
    [letter] = ingest.sink.of(Topic.DEAD_LETTERS)
    assert b"kenko.tick.v1" in letter.value
    assert KEY.encode() not in letter.value, "the key stands in the event, and is not kept with it"


async def test_the_good_events_beside_an_invalid_one_are_kept(start) -> None:
    def work(client: Mixpanel) -> None:
        for name in ("Report Exported", "kenko.tick.v1", "Login"):
            client.track("ann", name, {"company_id": "acme"})

    async with start() as ingest:
        await use(ingest.port, "buffered", work)
    assert [event.event for event in records_of(ingest)] == ["Report Exported", "Login"]
    assert len(ingest.sink.of(Topic.DEAD_LETTERS)) == 1


@pytest.mark.parametrize("kind", CONSUMERS)
async def test_a_wrong_key_is_told_once_in_words(start, front, kind) -> None:
    before = front()
    async with start(front=before) as ingest:
        with pytest.raises(MixpanelException, match="a valid API key is required"):
            await use(ingest.port, kind, lambda client: client.track("ann", "Seen"), key="another-key")
    assert before.posts == 1
    assert ingest.sink.written == []


def every_call(client: Mixpanel) -> None:
    client.group_set("company", "acme", {"$name": "Acme", "seats": 40})
    client.group_set_once("company", "acme", {"plan": "pro"})
    client.group_unset("company", "acme", ["plan"])
    client.group_union("company", "acme", {"tags": ["a"]})
    client.group_delete("company", "acme")
    client.group_set("project", "p1", {"seats": 1})
    client.people_set("ann", {"$email": "ann@example.com", "company_id": "acme"})
    client.people_increment("ann", {"logins": 1})
    client.track("ann", "Report Exported")
    client.track(7, "Seat Added", {"company": "acme", "seats": 41})
    client.import_data(None, "ann", "Login", 1_700_000_000)
    client.merge(None, "ann", "ann@acme")
    client.track("ann@acme", "Login")


async def test_what_becomes_of_each_call(start) -> None:
    async with start() as ingest:
        await use(ingest.port, "one by one", every_call)
    records = records_of(ingest)
    assert [(r.account_id, r.traits) for r in records if isinstance(r, AccountTraits)] == [
        ("acme", {"name": "Acme", "seats": 40}),
        ("acme", {"plan": "pro"}),
        ("acme", {"plan": None}),
    ]
    events = [(r.account_id, r.user_id, r.event, r.backfill) for r in records if isinstance(r, UsageEvent)]
    assert events == [
        ("acme", "ann", "Report Exported", False),
        ("acme", "7", "Seat Added", False),
        ("acme", "ann", "Login", True),
        ("acme", "ann@acme", "Login", False),
    ]
    assert ingest.sink.of(Topic.DEAD_LETTERS) == []


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({"credentials": ServiceAccountCredentials(KEY, "any", "1")}, (None, None)),
        ({}, (None, KEY)),
        ({}, (KEY, "another")),
        ({}, (KEY, None)),
    ],
    ids=["service account", "api secret", "secret before key", "token, for a key without a secret is not sent"],
)
async def test_the_places_of_the_key_of_an_import(start, options, given) -> None:
    api_key, secret = given

    def work(client: Mixpanel) -> None:
        client.import_data(api_key, "ann", "Login", 1_700_000_000, {"company_id": "acme"}, api_secret=secret)

    async with start() as ingest:
        if secret == "another":
            with pytest.raises(MixpanelException, match="a valid API key is required"):
                await use(ingest.port, "one by one", work, **options)
            assert ingest.sink.written == []
        else:
            token = KEY if given == (KEY, None) else "a-token-of-mixpanel"
            await use(ingest.port, "one by one", work, key=token, **options)
            assert len(records_of(ingest)) == 1
