"""Segment's and RudderStack's calls: what becomes of each, and what is said of those that are wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from kenko.dialects.known_accounts import KnownAccounts
from kenko.dialects.problems import ProblemCode as Code
from kenko.dialects.reading import Noted, Reading, read_items
from kenko.dialects.request import Envelope, RequestParts
from kenko.dialects.segment import SEGMENT
from kenko.dialects.sending import ANYBODY, Origin, Sending
from kenko.dialects.times import Received
from schemas.account_traits import AccountTraits
from schemas.base import to_ms
from schemas.usage_event import UsageEvent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ELEVEN = NOON - timedelta(hours=1)
RECEIVED = Received(NOON, to_ms(NOON))
TRACK = {
    "type": "track",
    "messageId": "m1",
    "userId": "ann",
    "event": "Report Exported",
    "timestamp": "2026-03-01T11:00:00.000Z",
    "properties": {"rows": 3},
    "context": {"groupId": "acme", "ip": "192.0.2.1", "userAgent": "Mozilla", "traits": {"email": "ann@example.com"}},
    "integrations": {},
}
EVENT = UsageEvent(
    id="m1",
    source="segment",
    account_id="acme",
    user_id="ann",
    event="Report Exported",
    time=ELEVEN,
    received_at=NOON,
    properties={"rows": 3},
)


def changed(**fields: object) -> dict[str, object]:
    """TRACK with other fields; `...` takes one away."""
    return {name: value for name, value in (TRACK | fields).items() if value is not ...}


def open_(body: object, path: str = "/v1/batch", content_type: str = "application/json") -> Envelope:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SEGMENT.open(RequestParts(path, content_type, {}, {}, raw))


def read(
    body: object, path: str = "/v1/batch", *, origin: Origin = ANYBODY, known: KnownAccounts | None = None
) -> Reading:
    envelope = open_(body, path)
    origin = origin._replace(backfill=envelope.backfill)
    return read_items(SEGMENT, envelope, Sending(RECEIVED, origin, known or KnownAccounts()))


def one(item: object, **around: object) -> object:
    """What a batch of this one call holds."""
    reading = read({"batch": [item], **around})
    assert reading.refused == []
    return reading.taken[0].item


def problem(item: object, path: str = "/v1/batch") -> tuple[str | None, Code, str]:
    reading = read({"batch": [item]} if path == "/v1/batch" else item, path)
    assert reading.taken == []
    [refusal] = reading.refused
    return refusal.problem.field, refusal.problem.code, refusal.problem.message


def test_a_track_is_an_event_and_nothing_of_its_context_is_kept() -> None:
    assert one(TRACK) == EVENT


def test_history_is_marked_and_keeps_its_times() -> None:
    for path, around in (("/v1/import", {}), ("/v1/batch", {"historical": True})):
        body = {"batch": [TRACK], "sentAt": "2026-02-01T00:00:00Z", **around}
        assert read(body, path).taken[0].item == EVENT.model_copy(update={"backfill": True})
    assert one(TRACK, historical=False) == EVENT


@pytest.mark.parametrize(
    ("call", "fields", "event", "properties"),
    [
        ("page", {"name": "Pricing", "category": "Docs"}, "Page Viewed", {"name": "Pricing", "category": "Docs"}),
        ("page", {"name": None, "properties": {"url": "https://x"}}, "Page Viewed", {"url": "https://x"}),
        # What the properties say goes before.
        ("screen", {"name": "A", "properties": {"name": "B"}}, "Screen Viewed", {"name": "B"}),
        ("screen", {}, "Screen Viewed", {}),
    ],
)
def test_a_view_has_one_name_and_its_own_among_the_properties(
    call: str, fields: dict[str, object], event: str, properties: dict[str, object]
) -> None:
    seen = one(changed(type=call, event=..., **({"properties": {}} | fields)))
    assert seen == EVENT.model_copy(update={"event": event, "properties": properties})


@pytest.mark.parametrize(
    ("fields", "time"),
    [
        ({"timestamp": ..., "originalTimestamp": "2026-03-01T11:00:00Z"}, ELEVEN),
        # RudderStack's client for Node keeps a time that was given apart from the one at which it was called.
        ({"originalTimestamp": "2026-03-01T11:30:00Z"}, ELEVEN),
        # As Python's libraries write it, and with another offset.
        ({"timestamp": "2026-03-01T11:00:00.000+00:00"}, ELEVEN),
        ({"timestamp": "2026-03-01T20:00:00.000+09:00"}, ELEVEN),
        ({"timestamp": None}, NOON),
        ({"timestamp": ..., "originalTimestamp": ...}, NOON),
    ],
)
def test_the_time(fields: dict[str, object], time: datetime) -> None:
    assert one(changed(**fields)).time == time


@pytest.mark.parametrize(
    ("fields", "around", "time"),
    [
        # The client's clock is an hour behind, or ahead.
        ({}, {"sentAt": "2026-03-01T11:00:00Z"}, NOON),
        ({}, {"sentAt": "2026-03-01T13:00:00Z"}, ELEVEN - timedelta(hours=1)),
        ({"sentAt": "2026-03-01T11:00:00Z"}, {}, NOON),
        # Of two the batch's is the newer: a call may have waited for the next.
        ({"sentAt": "2026-03-01T10:00:00Z"}, {"sentAt": "2026-03-01T12:00:01Z"}, ELEVEN),
        # On its way for four seconds.
        ({}, {"sentAt": "2026-03-01T11:59:56Z"}, ELEVEN),
        # Another server has corrected it already.
        ({"sentAt": "2025-03-01T11:00:00Z", "receivedAt": "2025-03-01T11:00:00Z"}, {}, ELEVEN),
    ],
)
def test_a_clock_that_is_off_is_corrected(fields: dict[str, object], around: dict[str, object], time: datetime) -> None:
    assert one(changed(**fields), **around).time == time


@pytest.mark.parametrize(
    ("fields", "user"),
    [
        ({"anonymousId": "visitor"}, "ann"),
        ({"userId": None, "anonymousId": "visitor"}, "visitor"),
        ({"userId": "", "anonymousId": "visitor"}, "visitor"),
        ({"userId": 42}, "42"),
        ({"userId": "null", "anonymousId": "undefined"}, None),
        ({"userId": ...}, None),
    ],
)
def test_the_person(fields: dict[str, object], user: str | None) -> None:
    assert one(changed(**fields)).user_id == user


@pytest.mark.parametrize(
    "fields",
    [
        {"groupId": "acme", "context": {"groupId": "other"}},
        {"groupId": "", "context": {"groupId": "acme"}},
        {"properties": {"$groups": {"team": "other", "company": "acme"}}},
        {"properties": {"account_id": "acme"}},
        {"properties": {"org_id": "null", "workspace_id": "acme"}},
        {"context": {"traits": {"company": {"id": "acme"}}}},
        {"context": {"traits": {"groupId": "acme"}}},
        {"groupId": "00000000-0000-0000-0000-000000000000", "properties": {"accountId": "acme"}},
    ],
)
def test_where_the_account_is_found(fields: dict[str, object]) -> None:
    assert one(changed(**({"context": {}} | fields))).account_id == "acme"


def test_the_account_may_be_a_number_or_stand_beside_the_batch() -> None:
    assert one(changed(context={"groupId": 7})).account_id == "7"
    assert one(changed(context={"ip": "192.0.2.1"}), context={"groupId": "acme"}).account_id == "acme"
    assert one(TRACK, context={"groupId": "other"}).account_id == "acme"


def test_without_an_account_an_event_is_kept_aside() -> None:
    field, code, message = problem(changed(context={}))
    assert (field, code) == (None, Code.UNATTRIBUTED)
    assert "groupId" in message


@pytest.mark.parametrize(
    "teacher",
    [
        {"type": "group", "userId": "ann", "groupId": "acme"},
        {"type": "group", "userId": "ann", "traits": {"groupId": "acme"}},
        {"type": "identify", "userId": "ann", "traits": {"company": {"id": "acme"}}},
        {"type": "identify", "userId": "ann", "context": {"traits": {"company": {"id": "acme"}}}},
        {"type": "identify", "userId": "ann", "context": {"groupId": "acme"}},
        {"type": "identify", "userId": "other", "anonymousId": "ann", "traits": {"groupId": "acme"}},
        {"type": "page", "userId": "ann", "properties": {"account_id": "acme"}},
    ],
)
def test_a_user_who_was_seen_in_an_account_is_still_in_it(teacher: dict[str, object]) -> None:
    known = KnownAccounts()
    assert read({"batch": [teacher]}, known=known).refused == []
    [taken] = read({"batch": [changed(context={})]}, known=known).taken
    assert taken.item == EVENT
    # Of another source it says nothing.
    assert read({"batch": [changed(context={})]}, known=known, origin=Origin(("app",))).taken == []


@pytest.mark.parametrize(
    "joined", [{"type": "alias", "previousId": "visitor"}, {"type": "identify", "anonymousId": "visitor"}]
)
def test_two_ids_of_one_person_are_in_one_account(joined: dict[str, object]) -> None:
    known = KnownAccounts()
    batch = [
        {"type": "group", "anonymousId": "visitor", "groupId": "acme"},
        joined | {"messageId": "m2", "userId": "ann"},
        changed(context={}),
    ]
    reading = read({"batch": batch}, known=known)
    assert [taken.item for taken in reading.taken[1:]] == [Noted("m2"), EVENT]


def test_a_group_gives_the_traits_of_the_account() -> None:
    group = changed(
        type="group",
        groupId="acme",
        event=...,
        traits={"name": "Acme", "seats": 40, "trial": False, "owner": None, "address": {"city": "Kyoto"}},
        context={"traits": {"email": "ann@example.com"}},
    )
    assert one(group) == AccountTraits(
        id="m1",
        source="segment",
        account_id="acme",
        time=ELEVEN,
        traits={"name": "Acme", "seats": 40, "trial": False, "owner": None},
    )
    assert one(group | {"traits": {}}) == Noted("m1")


@pytest.mark.parametrize("place", ["traits", "context"])
def test_an_identify_gives_the_traits_of_the_company(place: str) -> None:
    traits = {"email": "ann@example.com", "company": {"id": "acme", "name": "Acme", "seats": 40}}
    where = {"traits": traits, "context": {}} if place == "traits" else {"context": {"traits": traits}}
    identify = changed(type="identify", event=..., properties=..., **where)
    assert one(identify) == AccountTraits(
        id="m1", source="segment", account_id="acme", time=ELEVEN, traits={"name": "Acme", "seats": 40}
    )


@pytest.mark.parametrize("company", [None, "Acme", {}, {"id": "acme"}, {"id": "", "seats": 4}, {"name": "Acme"}])
def test_an_identify_that_says_nothing_of_an_account_is_noted(company: object) -> None:
    identify = {"type": "identify", "messageId": "m1", "userId": "ann", "traits": {"company": company, "plan": "pro"}}
    assert one(identify) == Noted("m1")


def test_the_source_is_the_keys() -> None:
    [taken] = read({"batch": [TRACK]}, origin=Origin(("app", "site"))).taken
    assert taken.item == EVENT.model_copy(update={"source": "app"})


def test_a_call_without_an_id_has_one_that_a_retry_repeats() -> None:
    item = changed(messageId=..., sentAt="2026-03-01T12:00:00Z")
    first, again = one(item), one(item | {"sentAt": "2026-03-01T12:00:03Z"})
    assert first.id == again.id
    assert first.id.startswith("content-")
    assert first.id != one(item | {"event": "Other"}).id
    assert one(changed(messageId=12)).id == "12"


def test_without_id_and_time_two_requests_are_two_events() -> None:
    item = changed(messageId=..., timestamp=...)
    later = Received(NOON + timedelta(seconds=1), to_ms(NOON) + 1000)
    envelope = open_({"batch": [item]})
    [second] = read_items(SEGMENT, envelope, Sending(later, ANYBODY, KnownAccounts())).taken
    assert one(item).id == one(item).id != second.item.id


deep: object = 1
for _ in range(300):
    deep = [deep]


@pytest.mark.parametrize(
    ("item", "field", "code"),
    [
        (changed(type="charge"), "type", Code.INVALID),
        (changed(type=7), "type", Code.INVALID),
        (changed(type=...), "type", Code.MISSING),
        (changed(event=...), "event", Code.MISSING),
        (changed(event=""), "event", Code.INVALID),
        (changed(event=7), "event", Code.INVALID),
        (changed(event="kenko.traits.v1"), "event", Code.RESERVED),
        (changed(messageId=1.5), "messageId", Code.INVALID),
        (changed(messageId="x" * 201), "messageId", Code.INVALID),
        (changed(userId={}), "userId", Code.INVALID),
        (changed(userId=True), "userId", Code.INVALID),
        (changed(anonymousId="a\nb"), "anonymousId", Code.INVALID),
        (changed(groupId="a\0b"), "groupId", Code.INVALID),
        (changed(properties=[]), "properties", Code.INVALID),
        (changed(properties={"a": [1, {"b": 1e300}]}), "properties.a[1].b", Code.INVALID),
        (changed(context="x"), "context", Code.INVALID),
        (changed(timestamp="yesterday"), "timestamp", Code.INVALID),
        (changed(timestamp=1772359200), "timestamp", Code.INVALID),
        (changed(timestamp="2026-03-01T11:00:00"), "timestamp", Code.INVALID),
        (changed(timestamp="2026-03-01T13:00:01Z"), "timestamp", Code.IN_THE_FUTURE),
        (changed(sentAt="now"), "sentAt", Code.INVALID),
        (changed(type="page", name="a\0b"), "properties.name", Code.INVALID),
        (changed(type="group", groupId=...), "groupId", Code.MISSING),
        (changed(type="group", groupId=""), "groupId", Code.UNATTRIBUTED),
        (changed(type="group", groupId="acme", traits=[]), "traits", Code.INVALID),
        (changed(type="group", groupId="acme", traits={"a": 1e300}), "traits.a", Code.INVALID),
        (changed(type="identify", traits=7), "traits", Code.INVALID),
        (changed(messageId=..., context={"deep": deep}), None, Code.TOO_DEEP),
        (changed(properties={"a": "x" * 33_000}), None, Code.TOO_LARGE),
        (7, None, Code.INVALID),
    ],
)
def test_a_mistake_is_named(item: object, field: str | None, code: Code) -> None:
    assert problem(item)[:2] == (field, code)


def test_an_unknown_type_is_shown_beside_those_that_are_known() -> None:
    assert problem(changed(type="charge")) == (
        "type",
        Code.INVALID,
        "type: is 'charge', but must be one of track, page, screen, identify, group, alias",
    )
    assert problem(changed(type="page"), "/v1/track") == (
        "type",
        Code.INVALID,
        "type: is 'page', but this path takes 'track'",
    )
