"""PostHog's calls: what becomes of each, and what is refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.dialects.known_accounts import KnownAccounts
from kenko.dialects.posthog import V1, results
from kenko.dialects.posthog_routes import POSTHOG_ROUTES, V1_PATH
from kenko.dialects.problems import ProblemCode as Code
from kenko.dialects.reading import MAX_EVENTS, Noted, Reading, read_items
from kenko.dialects.request import BadBody, Envelope, RequestParts
from kenko.dialects.sending import ANYBODY, Origin, Sending
from kenko.dialects.times import Received
from schemas.account_traits import AccountTraits
from schemas.base import to_ms
from schemas.usage_event import UsageEvent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECEIVED = Received(NOON, to_ms(NOON))
UUID = "0195e2a4-1111-7000-8000-000000000001"
CALL = {
    "event": "Report Exported",
    "uuid": UUID,
    "distinct_id": "ann",
    "timestamp": "2026-03-01T11:00:00+00:00",
    "properties": {"rows": 3, "$groups": {"company": "acme"}},
}
KEY = "phc_a-key-of-the-tests"


def call(**changed: object) -> dict[str, object]:
    return {name: value for name, value in (CALL | changed).items() if value is not ...}


def request(
    body: object, path: str = "/batch/", content_type: str = "application/json", **given: object
) -> RequestParts:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return RequestParts(path, content_type, given.get("headers", {}), given.get("query", {}), raw)


def open_(parts: RequestParts) -> Envelope:
    return POSTHOG_ROUTES[parts.path](parts).open(parts)


def read(parts: RequestParts, *, origin: Origin = ANYBODY, known: KnownAccounts | None = None) -> Reading:
    dialect = POSTHOG_ROUTES[parts.path](parts)
    envelope = dialect.open(parts)
    return read_items(dialect, envelope, Sending(RECEIVED, origin, known or KnownAccounts()))


def read_one(**changed: object) -> object:
    reading = read(request({"batch": [call(**changed)]}))
    assert reading.refused == []
    return reading.taken[0].item


def test_an_event_with_everything() -> None:
    assert read_one() == UsageEvent(
        id=UUID,
        source="posthog",
        account_id="acme",
        user_id="ann",
        event="Report Exported",
        time=datetime(2026, 3, 1, 11, tzinfo=UTC),
        received_at=NOON,
        properties={"rows": 3},
    )


@pytest.mark.parametrize(
    ("body", "count", "key", "backfill"),
    [
        ({"batch": [CALL, CALL], "api_key": KEY, "historical_migration": False}, 2, KEY, False),
        ({"batch": [CALL], "api_key": KEY, "historical_migration": True}, 1, KEY, True),
        ({"batch": [], "api_key": KEY}, 0, KEY, False),
        (CALL | {"api_key": KEY}, 1, KEY, False),
        (CALL | {"token": KEY}, 1, KEY, False),
        (call(properties={"token": KEY}), 1, KEY, False),
        ([call(properties={"token": KEY}), CALL], 2, KEY, False),
        ([CALL], 1, None, False),
        # The key stands in the first event that can be read.
        (b"[7, NaN, " + orjson.dumps(call(properties={"token": KEY})) + b"]", 3, KEY, False),
        # A batch that is no list is one bad event.
        ({"batch": 7, "api_key": KEY}, 1, KEY, False),
        (b'{"batch": [{"n": NaN}, {"n": "\\ud800"}], "api_key": "' + KEY.encode() + b'"}', 2, KEY, False),
    ],
)
def test_the_forms_of_a_body(body: object, count: int, key: str | None, backfill: bool) -> None:
    envelope = open_(request(body))
    assert (len(envelope.items), envelope.key, envelope.backfill) == (count, key, backfill)


@pytest.mark.parametrize(
    ("content_type", "pack"),
    [
        ("application/x-www-form-urlencoded", lambda raw: b"data=" + quote_plus(base64.b64encode(raw)).encode()),
        ("application/x-www-form-urlencoded", lambda raw: b"data=" + base64.b64encode(raw)),
        ("application/x-www-form-urlencoded", lambda raw: b"ver=1&data=" + quote_plus(raw).encode()),
        ("text/plain", lambda raw: b"data=" + base64.urlsafe_b64encode(raw).rstrip(b"=")),
        ("application/x-www-form-urlencoded", bytes),
        ("text/plain", bytes),
    ],
)
def test_the_browser_packs_events_in_several_ways(content_type, pack) -> None:
    events = [
        call(properties={"token": KEY, "note": f"{number}?>~~ü", "$groups": {"company": "acme"}}) for number in range(9)
    ]
    reading = read(request(pack(orjson.dumps(events)), "/e/", content_type))
    assert [taken.item.properties["note"] for taken in reading.taken] == [f"{number}?>~~ü" for number in range(9)]
    assert "token" not in reading.taken[0].item.properties


def test_a_body_that_says_gzip_in_the_query_is_inflated_as_gzip() -> None:
    assert POSTHOG_ROUTES["/e/"](request(b"", query={"compression": "gzip-js"})).encoding == "gzip"
    assert POSTHOG_ROUTES["/e/"](request(b"", query={"compression": "base64"})).encoding is None
    twice = request(b"", query={"compression": "gzip-js"}, headers={"content-encoding": "gzip"})
    assert POSTHOG_ROUTES["/e/"](twice).encoding is None


@pytest.mark.parametrize(
    "body", [b"", b"7", b"{", b"[1,", b"data=%%%", b"{]", b'{"batch" 7}', b"{7: 1}", b'{"a": 1} 2']
)
def test_what_cannot_be_split_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(BadBody) as refusal:
        open_(request(body))
    assert refusal.value.code is Code.UNDECODABLE


def test_too_many_events_are_refused_as_a_whole() -> None:
    with pytest.raises(BadBody) as refusal:
        read(request({"batch": [1] * (MAX_EVENTS + 1)}))
    assert refusal.value.code is Code.TOO_LARGE


@pytest.mark.parametrize(
    ("groups", "account"),
    [
        ({"company": "acme"}, "acme"),
        ({"project": "p1", "organization": "acme"}, "acme"),
        ({"company": 7}, "7"),
        ({"zeta": "z", "alpha": "a"}, "a"),
    ],
)
def test_the_account_is_the_group(groups: object, account: str) -> None:
    assert read_one(properties={"$groups": groups}).account_id == account


@pytest.mark.parametrize(
    ("event", "name"),
    [("$pageview", "Page Viewed"), ("$screen", "Screen Viewed"), ("$autocapture", "$autocapture"), ("Login", "Login")],
)
def test_views_are_called_as_other_clients_call_them(event: str, name: str) -> None:
    item = read_one(event=event, properties={"account_id": "acme", "$screen_name": "Home"})
    assert item.event == name
    assert item.properties.get("name") == ("Home" if event == "$screen" else None)


def test_the_persons_own_data_and_the_key_do_not_go_on() -> None:
    left_out = {"token": KEY, "$ip": "192.0.2.1", "$set": {"email": "ann@example.com"}, "$raw_user_agent": "x"}
    assert read_one(properties=left_out | {"account_id": "acme", "rows": 1}).properties == {
        "account_id": "acme",
        "rows": 1,
    }


@pytest.mark.parametrize(
    ("changed", "around", "time"),
    [
        # Sent an hour ago by its own clock: the clock is an hour behind.
        ({}, {"sent_at": "2026-03-01T11:00:00Z"}, NOON),
        ({}, {"sent_at": "2026-03-01T11:59:58Z"}, NOON - timedelta(hours=1)),
        ({}, {"sent_at": "yesterday"}, NOON - timedelta(hours=1)),
        ({}, {"created_at": "2026-03-01T11:30:00Z"}, NOON - timedelta(minutes=30)),
        ({"options": {"disable_skew_correction": True}}, {"sent_at": "2026-03-01T11:00:00Z"}, NOON - timedelta(hours=1)),
        ({"properties": CALL["properties"] | {"$ignore_sent_at": True}}, {"sent_at": "2026-03-01T11:00:00Z"}, NOON - timedelta(hours=1)),
        ({}, {"sent_at": "2026-03-01T11:00:00Z", "historical_migration": True}, NOON - timedelta(hours=1)),
        ({"timestamp": ...}, {"sent_at": "2026-03-01T11:00:00Z"}, NOON),
        ({"timestamp": ..., "offset": 90_000}, {}, NOON - timedelta(seconds=90)),
    ],
)  # fmt: skip
def test_the_time_is_corrected_by_when_it_was_sent(changed, around, time) -> None:
    [taken] = read(request({"batch": [call(**changed)], **around})).taken
    assert taken.item.time == time


def test_each_try_of_v1_says_anew_when_it_was_sent() -> None:
    headers = {"posthog-request-timestamp": "2026-03-01T12:00:00Z"}
    [taken] = read(request({"batch": [CALL], "created_at": "2026-03-01T11:00:00Z"}, V1_PATH, headers=headers)).taken
    assert taken.item.time == NOON - timedelta(hours=1)


def test_the_browser_says_in_the_query_when_it_sent() -> None:
    query = {"_": str(to_ms(NOON - timedelta(hours=1)))}
    [taken] = read(request([CALL], "/e/", query=query)).taken
    assert taken.item.time == NOON


def test_a_group_call_gives_the_traits_of_the_account() -> None:
    properties = {
        "$group_type": "company",
        "$group_key": "acme",
        "$group_set": {"seats": 40, "plan": "pro", "tags": [1]},
    }
    assert read_one(event="$groupidentify", properties=properties) == AccountTraits(
        id=UUID,
        source="posthog",
        account_id="acme",
        time=datetime(2026, 3, 1, 11, tzinfo=UTC),
        traits={"seats": 40.0, "plan": "pro"},
    )


@pytest.mark.parametrize(
    ("event", "properties"),
    [
        ("$groupidentify", {"$group_type": "project", "$group_key": "p1", "$group_set": {"seats": 1}}),
        ("$identify", {"$anon_distinct_id": "anon-1"}),
        ("$set", {"$set": {"email": "ann@example.com"}}),
        ("$create_alias", {"distinct_id": "ann", "alias": "ann-2"}),
        ("$merge_dangerously", {"alias": "ann-3"}),
        ("$feature_flag_called", {"$feature_flag": "beta"}),
    ],
)
def test_what_is_about_persons_alone_is_noted(event: str, properties: object) -> None:
    assert read_one(event=event, properties=properties) == Noted(UUID)


def test_a_person_who_was_seen_in_an_account_stays_in_it() -> None:
    known = KnownAccounts()
    calls = [
        call(event="$identify", properties={"$anon_distinct_id": "anon-1", "$groups": {"company": "acme"}}),
        call(event="$create_alias", properties={"alias": "ann-2"}),
        call(properties={}),
        call(distinct_id="anon-1", properties={}),
        call(distinct_id="ann-2", properties={}),
        call(distinct_id="bob", properties={}),
    ]
    reading = read(request({"batch": calls}), known=known)
    assert [taken.item.account_id for taken in reading.taken[2:]] == ["acme"] * 3
    assert [(refusal.problem.index, refusal.problem.code) for refusal in reading.refused] == [(5, Code.UNATTRIBUTED)]


def test_without_a_uuid_the_id_is_that_of_the_content() -> None:
    first, again, other = (read_one(uuid=..., distinct_id=user).id for user in ("ann", "ann", "bob"))
    assert first == again != other


def test_without_an_id_and_a_time_two_that_came_apart_are_two() -> None:
    later = Received(NOON + timedelta(seconds=1), to_ms(NOON) + 1000)
    parts = request(call(uuid=..., timestamp=...), "/capture/")
    dialect = POSTHOG_ROUTES["/capture/"](parts)
    ids = {
        read_items(dialect, dialect.open(parts), Sending(received, ANYBODY, KnownAccounts())).taken[0].item.id
        for received in (RECEIVED, later)
    }
    assert len(ids) == 2


def test_the_source_is_the_keys_and_history_is_marked() -> None:
    [taken] = read(request({"batch": [CALL]}), origin=Origin(("web",), backfill=True)).taken
    assert (taken.item.source, taken.item.backfill) == ("web", True)


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"event": ...}, "event", Code.MISSING),
        ({"event": "kenko.tick.v1"}, "event", Code.RESERVED),
        ({"event": 7}, "event", Code.INVALID),
        ({"uuid": 7}, "uuid", Code.INVALID),
        ({"distinct_id": "a\0b"}, "distinct_id", Code.INVALID),
        ({"timestamp": "2026-03-01T11:00:00"}, "timestamp", Code.INVALID),
        ({"timestamp": "2026-03-02T11:00:00Z"}, "timestamp", Code.IN_THE_FUTURE),
        ({"properties": [1]}, "properties", Code.INVALID),
        ({"properties": {"n": 2**63}}, "properties.n", Code.INVALID),
        ({"properties": {}}, None, Code.UNATTRIBUTED),
        ({"properties": {"$groups": {"company": "anonymous"}}}, None, Code.UNATTRIBUTED),
        ({"properties": {"$groups": {"company": "a\nb"}}}, "properties.$groups", Code.INVALID),
        ({"event": "$groupidentify", "properties": {"$group_type": "company"}}, "properties.$group_key", Code.MISSING),
        (
            {
                "event": "$groupidentify",
                "properties": {"$group_type": "company", "$group_key": "acme", "$group_set": [1]},
            },
            "properties.$group_set",
            Code.INVALID,
        ),
    ],
)
def test_a_bad_event_names_its_field(changed: dict[str, object], field: str | None, code: Code) -> None:
    reading = read(request({"batch": [call(**changed)]}))
    assert reading.taken == []
    [(problem, _raw)] = reading.refused
    assert (problem.field, problem.code) == (field, code)


def test_events_of_two_keys_in_one_request_are_not_mixed() -> None:
    groups = {"$groups": {"company": "acme"}}
    parts = request(
        [call(properties=groups | {"token": KEY}), call(properties=groups | {"token": "phc_another"})], "/e/"
    )
    reading = read(parts)
    assert [taken.place for taken in reading.taken] == [0]
    assert (reading.refused[0].problem.field, reading.refused[0].problem.code) == ("token", Code.INVALID)


def test_v1_hears_of_each_event_by_its_uuid() -> None:
    batch = [CALL, call(uuid="u-2", event=...), call(uuid="u-3", distinct_id="bob", properties={})]
    reading = read(request({"batch": batch}, V1_PATH))
    told = results(reading)["results"]
    assert told[UUID] == {"result": "ok", "details": None}
    assert told["u-2"]["result"] == "drop"
    assert told["u-2"]["details"].startswith("event: is required")
    assert told["u-3"]["result"] == "warning"
    assert V1.answer is results


NAMES = [*CALL, "batch", "api_key", "token", "sent_at", "$groups", "$group_type", "$group_key", "$group_set", "offset"]
VALUES = st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.sampled_from(["$groupidentify", "$identify", "company"])  # fmt: skip


@given(
    st.binary(max_size=300)
    | st.recursive(
        VALUES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner)
    ).map(lambda value: json.dumps(value).encode()),
    st.sampled_from(sorted(POSTHOG_ROUTES)),
    st.sampled_from(["application/json", "text/plain", "application/x-www-form-urlencoded"]),
    st.dictionaries(st.sampled_from(["_", "compression"]), st.text()),
)
def test_any_body_is_read_or_refused_with_a_reason(
    body: bytes, path: str, content_type: str, query: dict[str, str]
) -> None:
    try:
        reading = read(RequestParts(path, content_type, {}, query, body))
    except BadBody as error:
        reading, reasons = Reading([], []), [error.message]
    else:
        reasons = [refusal.problem.message for refusal in reading.refused]
    assert all(reasons)
    for _, _, item in reading.taken:
        if not isinstance(item, Noted):
            assert type(item).model_validate(item.model_dump()) == item
    assert orjson.dumps(results(reading))
