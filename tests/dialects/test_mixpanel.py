"""Mixpanel's calls: what becomes of each, and what is refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.dialects.known_accounts import KnownAccounts
from kenko.dialects.mixpanel import imported
from kenko.dialects.mixpanel_routes import MIXPANEL_ROUTES
from kenko.dialects.problems import ProblemCode as Code
from kenko.dialects.reading import Noted, Reading, read_items
from kenko.dialects.request import BadBody, Envelope, RequestParts
from kenko.dialects.sending import ANYBODY, Origin, Sending
from kenko.dialects.times import Received
from schemas.account_traits import AccountTraits
from schemas.base import to_ms
from schemas.usage_event import UsageEvent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ELEVEN = NOON - timedelta(hours=1)
RECEIVED = Received(NOON, to_ms(NOON))
KEY = "a-key-of-the-tests"
FORM = "application/x-www-form-urlencoded"
PROPERTIES = {
    "token": KEY,
    "distinct_id": "ann",
    "time": ELEVEN.timestamp() + 0.25,
    "$insert_id": "i-1",
    "company_id": "acme",
    "rows": 3,
}


def call(event: object = "Report Exported", **changed: object) -> dict[str, object]:
    return {"event": event, "properties": {k: v for k, v in (PROPERTIES | changed).items() if v is not ...}}


def request(path: str, body: bytes, content_type: str = FORM, **query: str) -> RequestParts:
    return RequestParts(path, content_type, {}, query, body)


def packed(data: object, **more: object) -> bytes:
    return urlencode({"data": json.dumps(data), "verbose": 1, "ip": 0} | more).encode()


def open_(parts: RequestParts) -> Envelope:
    return MIXPANEL_ROUTES[parts.path](parts).open(parts)


def read(path: str, data: object, *, origin: Origin = ANYBODY, known: KnownAccounts | None = None) -> Reading:
    parts = request(path, packed(data))
    dialect = MIXPANEL_ROUTES[path](parts)
    return read_items(dialect, dialect.open(parts), Sending(RECEIVED, origin, known or KnownAccounts()))


def read_one(path: str, data: object) -> object:
    reading = read(path, data)
    assert reading.refused == []
    return reading.taken[0].item


def test_an_event_with_everything() -> None:
    assert read_one("/track", call()) == UsageEvent(
        id="i-1",
        source="mixpanel",
        account_id="acme",
        user_id="ann",
        event="Report Exported",
        time=ELEVEN + timedelta(milliseconds=250),
        received_at=NOON,
        properties={"company_id": "acme", "rows": 3},
    )


BATCH = orjson.dumps([call(), call("Ünïcode +&=")])


@pytest.mark.parametrize(
    ("parts", "count", "terse"),
    [
        (request("/track", packed(call())), 1, False),
        (request("/track/", packed([call(), call()])), 2, False),
        (request("/track", packed([call()], verbose=0)), 1, True),
        # The browser and Node: base64, with its plus signs as they are; Java: with them encoded.
        (request("/track", b"data=" + base64.b64encode(BATCH)), 2, True),
        (request("/track", urlencode({"data": base64.b64encode(BATCH)}).encode(), verbose="1"), 2, False),
        # Node, single calls: GET.
        (request("/track", b"", "", data=base64.b64encode(BATCH).decode(), verbose="1"), 2, False),
        (request("/track", b"", "", data=base64.b64encode(BATCH).decode(), verbose="0"), 2, True),
        # Go, curl.
        (request("/track", BATCH, "application/json", verbose="1"), 2, False),
        (request("/groups", BATCH, "application/json"), 2, True),
        (request("/track", BATCH), 2, True),
        (request("/import", BATCH, "application/json", strict="1"), 2, False),
        (request("/import", BATCH[1:-1].replace(b"},{", b"}\n{") + b"\n", "application/x-ndjson"), 2, False),
    ],
)
def test_the_forms_of_a_request(parts: RequestParts, count: int, terse: bool) -> None:
    envelope = open_(parts)
    assert (len(envelope.items), envelope.key, envelope.terse) == (count, KEY, terse)
    assert envelope.backfill is parts.path.startswith("/import")
    if count == 2 and b"cod" in parts.body:
        assert json.loads(envelope.items[1])["event"] == "Ünïcode +&="


def test_the_key_may_stand_beside_the_events() -> None:
    assert open_(request("/import", packed([call(token="another")], api_key=KEY))).key == KEY
    assert open_(request("/import", packed([call(token="another")]), api_key=KEY)).key == KEY


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", Code.MISSING),
        (b"ip=0", Code.MISSING),
        (b"data=%7", Code.UNDECODABLE),
        (b"data=!!!", Code.UNDECODABLE),
        (b"data=[1,", Code.UNDECODABLE),
        (b"&" * 5_000_000, Code.TOO_LARGE),
        (b"a=1&" * 40 + b"data=[]", Code.UNDECODABLE),
        (b"[1,", Code.UNDECODABLE),
    ],
)
def test_what_holds_no_events_is_refused_as_a_whole(body: bytes, code: Code) -> None:
    with pytest.raises(BadBody) as refusal:
        open_(request("/track", body))
    assert refusal.value.code is code


@pytest.mark.parametrize(
    ("given", "time"),
    [
        (ELEVEN.timestamp(), ELEVEN),
        (int(ELEVEN.timestamp()), ELEVEN),
        (to_ms(ELEVEN), ELEVEN),
        (to_ms(ELEVEN) + 0.5, ELEVEN + timedelta(microseconds=500)),
        ("2026-03-01T11:00:00Z", ELEVEN),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (99_999_999_999 // 60, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=99_999_999_999 // 60)),
        (100_000_000_000, datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
        (None, NOON),
        (..., NOON),
    ],
)
def test_a_time_is_seconds_or_milliseconds(given: object, time: datetime) -> None:
    assert read_one("/track", call(time=given)).time == time


@pytest.mark.parametrize(
    ("changed", "account"),
    [
        ({"company_id": 7}, "7"),
        ({"company_id": ["acme"]}, "acme"),
        ({"company_id": ..., "company": "acme"}, "acme"),
        ({"company_id": ..., "team": "t", "company": ["acme", "b"]}, "acme"),
        ({"company_id": [], "company": "acme"}, "acme"),
        ({"company_id": "null", "$groups": {"company": "acme"}}, "acme"),
    ],
)
def test_the_account_is_the_property_of_a_group(changed: dict[str, object], account: str) -> None:
    assert read_one("/track", call(**changed)).account_id == account


def test_the_persons_own_data_and_the_key_do_not_go_on() -> None:
    event = read_one("/track", call(ip="192.0.2.1", **{"$email": "ann@example.com"}))
    assert event.properties == {"company_id": "acme", "rows": 3}


def test_history_is_marked_and_needs_a_time() -> None:
    [taken] = read("/import", [call()], origin=Origin(("crm",), backfill=True)).taken
    assert (taken.item.source, taken.item.backfill) == ("crm", True)
    [(problem, _)] = read("/import", [call(time=...)]).refused
    assert (problem.field, problem.code, problem.id) == ("properties.time", Code.MISSING, "i-1")


def test_what_import_answers_clients_that_send_json() -> None:
    json_body = request("/import", BATCH, "application/json")
    assert MIXPANEL_ROUTES["/import"](json_body).answer is imported
    assert MIXPANEL_ROUTES["/import"](request("/import", packed(call()))).answer is not imported
    assert imported(read("/import", [call(), call(time=...)])) == {
        "code": 200,
        "status": "OK",
        "num_records_imported": 1,
    }


@pytest.mark.parametrize(
    ("changed", "traits"),
    [
        ({"$set": {"$name": "Acme", "seats": 40}}, {"name": "Acme", "seats": 40.0}),
        ({"$set_once": {"plan": "pro"}}, {"plan": "pro"}),
        ({"$set_once": {"plan": "free"}, "$set": {"plan": "pro"}}, {"plan": "pro"}),
        ({"$unset": ["plan", "$name", 7]}, {"plan": None, "name": None}),
        ({"$set": {"nested": {"a": 1}, "seats": 1}}, {"seats": 1.0}),
    ],
)
def test_a_group_gives_the_traits_of_the_account(changed: dict[str, object], traits: dict[str, object]) -> None:
    update = {"$token": KEY, "$time": ELEVEN.timestamp(), "$group_key": "company", "$group_id": "acme", **changed}
    item = read_one("/groups", update)
    assert item == AccountTraits(id=item.id, source="mixpanel", account_id="acme", time=ELEVEN, traits=traits)
    assert read_one("/groups", update).id == item.id


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/groups", {"$group_key": "project", "$group_id": "p1", "$set": {"seats": 1}}),
        ("/groups", {"$group_key": "company", "$group_id": "acme", "$delete": ""}),
        ("/groups", {"$group_key": "company", "$group_id": "acme", "$union": {"tags": ["a"]}}),
        ("/engage", {"$distinct_id": "ann", "$set": {"$email": "ann@example.com"}}),
        ("/engage", {"$distinct_id": "ann", "$add": {"logins": 1}}),
        ("/track", call("$create_alias", alias="ann-2")),
        ("/import", call("$merge", time=..., distinct_id=..., **{"$distinct_ids": ["ann", "ann-3"]})),
    ],
)
def test_what_says_nothing_about_use_or_an_account_is_noted(path: str, data: object) -> None:
    assert isinstance(read_one(path, data), Noted)


def test_a_person_who_was_seen_in_an_account_stays_in_it() -> None:
    known = KnownAccounts()
    read("/engage", {"$distinct_id": "ann", "$set": {"company_id": "acme"}}, known=known)
    read("/track", call("$create_alias", alias="ann-2", company_id=...), known=known)
    merge = {"event": "$merge", "properties": {"$distinct_ids": ["ann-2", 3], "time": ELEVEN.timestamp()}}
    read("/import", merge, known=known)
    users = ["ann", "ann-2", "3", "bob"]
    reading = read("/track", [call(distinct_id=user, company_id=...) for user in users], known=known)
    assert [taken.item.account_id for taken in reading.taken] == ["acme"] * 3
    assert [(refusal.problem.index, refusal.problem.code) for refusal in reading.refused] == [(3, Code.UNATTRIBUTED)]


def test_without_an_insert_id_the_id_is_that_of_the_content() -> None:
    first, again, other = (
        read_one("/track", call(distinct_id=user, **{"$insert_id": ...})).id for user in ("ann", "ann", "bob")
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("path", "data", "field", "code"),
    [
        ("/track", call(None), "event", Code.MISSING),
        ("/track", call("kenko.tick.v1"), "event", Code.RESERVED),
        ("/track", {"event": "a", "properties": 7}, "properties", Code.INVALID),
        ("/track", {"event": "a"}, None, Code.UNATTRIBUTED),
        ("/track", call(company_id=...), None, Code.UNATTRIBUTED),
        ("/track", call(company_id="a\nb"), "properties.company_id", Code.INVALID),
        ("/track", call(time=True), "properties.time", Code.INVALID),
        ("/track", call(time=[1]), "properties.time", Code.INVALID),
        ("/track", call(time="yesterday"), "properties.time", Code.INVALID),
        ("/track", call(time=-1), "properties.time", Code.INVALID),
        ("/track", call(time=2**62), "properties.time", Code.INVALID),
        ("/track", call(time=to_ms(NOON) + 3_600_001), "properties.time", Code.IN_THE_FUTURE),
        ("/groups", {"$group_key": "company", "$set": {"a": 1}}, "$group_id", Code.MISSING),
        ("/groups", {"$group_key": "company", "$group_id": "acme", "$set": 7}, "$set", Code.INVALID),
        ("/groups", {"$time": 1e300}, "$time", Code.INVALID),
        ("/engage", {"$distinct_id": "a\0"}, "$distinct_id", Code.INVALID),
    ],
)
def test_a_bad_item_names_its_field(path: str, data: object, field: str | None, code: Code) -> None:
    reading = read(path, data)
    assert reading.taken == []
    [(problem, _raw)] = reading.refused
    assert (problem.field, problem.code) == (field, code)


def test_events_of_two_keys_in_one_request_are_not_mixed() -> None:
    reading = read("/track", [call(token=...), call(), call(token="another")])
    assert [taken.place for taken in reading.taken] == [0, 1]
    assert (reading.refused[0].problem.field, reading.refused[0].problem.code) == ("token", Code.INVALID)


def test_a_key_in_a_header_leaves_the_tokens_to_the_client() -> None:
    parts = request("/track", packed([call(), call(token="another")]))._replace(headers={"x-api-key": KEY})
    dialect = MIXPANEL_ROUTES["/track"](parts)
    assert len(read_items(dialect, dialect.open(parts), Sending(RECEIVED, ANYBODY, KnownAccounts())).taken) == 2


NAMES = ["event", "properties", *PROPERTIES, "$group_key", "$group_id", "$set", "$unset", "$time", "$distinct_ids"]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.sampled_from(["company", "$merge"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner),
).map(lambda value: json.dumps(value).encode())


@given(
    st.binary(max_size=300) | JSON | JSON.map(base64.b64encode) | JSON.map(lambda raw: urlencode({"data": raw}).encode()),
    st.sampled_from(sorted(MIXPANEL_ROUTES)),
    st.sampled_from(["application/json", "application/x-ndjson", "", FORM]),
    st.dictionaries(st.sampled_from(["data", "verbose", "api_key"]), st.text()),
)  # fmt: skip
def test_any_request_is_read_or_refused_with_a_reason(body: bytes, path: str, content_type: str, query) -> None:
    parts = RequestParts(path, content_type, {}, query, body)
    dialect = MIXPANEL_ROUTES[path](parts)
    try:
        reading = read_items(dialect, dialect.open(parts), Sending(RECEIVED, ANYBODY, KnownAccounts()))
    except BadBody as error:
        reading, reasons = Reading([], []), [error.message]
    else:
        reasons = [refusal.problem.message for refusal in reading.refused]
    assert all(reasons)
    for _, _, item in reading.taken:
        if not isinstance(item, Noted):
            assert type(item).model_validate(item.model_dump()) == item
