"""Bodies of HTTP requests: each event is read for itself, and each mistake names its field."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.dialects import plain as plain_json
from kenko.dialects.body import Form, dialect_of, form_of
from kenko.dialects.known_accounts import KnownAccounts
from kenko.dialects.problems import FieldError
from kenko.dialects.problems import ProblemCode as Code
from kenko.dialects.reading import MAX_EVENTS, Reading, read_items
from kenko.dialects.request import BadBody, RequestParts
from kenko.dialects.sending import ANYBODY, Origin, Sending
from kenko.dialects.times import Received
from schemas.base import to_ms
from schemas.usage_event import MAX_EVENT_BYTES, UsageEvent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECEIVED = Received(NOON, to_ms(NOON))
PLAIN = {"id": "e1", "account_id": "acme", "event": "Report Exported", "time": "2026-03-01T11:00:00Z"}
CLOUD = {"specversion": "1.0", "id": "e1", "source": "app", "type": "Report Exported", "subject": "acme"}


def plain(**changed: object) -> bytes:
    return orjson.dumps({name: value for name, value in (PLAIN | changed).items() if value is not ...})


def cloud(**changed: object) -> bytes:
    return orjson.dumps({name: value for name, value in (CLOUD | changed).items() if value is not ...})


def read(body: bytes, form: Form = Form.PLAIN, origin: Origin = ANYBODY) -> Reading:
    dialect = dialect_of(form.value)
    envelope = dialect.open(RequestParts("/v1/events", form.value, {}, {}, body))
    return read_items(dialect, envelope, Sending(RECEIVED, origin, KnownAccounts()))


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("application/json", Form.PLAIN),
        ("Application/JSON; charset=UTF-8", Form.PLAIN),
        ("", Form.PLAIN),
        ("application/cloudevents+json", Form.CLOUDEVENT),
        ("application/cloudevents-batch+json; charset=utf-8", Form.CLOUDEVENTS_BATCH),
        ("application/json; charset=latin-1", None),
        ("application/x-www-form-urlencoded", None),
        ("text/plain", None),
        ("application/cloudevents+xml", None),
    ],
)
def test_the_content_type_decides_the_form(content_type: str, form: Form | None) -> None:
    assert form_of(content_type) is form


JSON_VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
TEXTS = st.sampled_from(
    ["acme", "a b", " x", "", "kenko.tick", "ö", "a\0", "2026-03-01T11:00:00Z", "2026-03-01T14:00:00Z"]
)
ITEMS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("id", "account_id", "event", "time", "user_id", "source"), TEXTS | TEXTS | TEXTS | JSON_VALUES
    )
    | {
        "properties": JSON_VALUES | st.dictionaries(st.text(max_size=3), JSON_VALUES | st.lists(JSON_VALUES)),
        "rows": st.just(1),
    },
)


@given(
    ITEMS.map(lambda changed: PLAIN | changed) | ITEMS,
    st.sampled_from([ANYBODY, Origin(backfill=True), Origin(("api", "acme"))]),
    st.sampled_from([RECEIVED, Received(None, None)]),
)
def test_the_short_way_takes_what_the_long_way_takes_and_reads_the_same(item, origin, received) -> None:
    short = plain_json.read_as_usual(item, received, origin)
    try:
        long = plain_json.read_any(item, received, origin)
    except FieldError:
        long = None
    assert short is None or short == long
    usual = all(type(item.get(name)) is str for name in ("id", "account_id", "event", "time"))
    if long is not None and usual and not origin.sources and received.ms is not None:
        assert short == long


@pytest.mark.parametrize(
    ("body", "form", "count"),
    [
        (plain(), Form.PLAIN, 1),
        (b" [" + plain() + b" ,\n" + plain() + b"] ", Form.PLAIN, 2),
        (b'{"events": [' + plain() + b"]}", Form.PLAIN, 1),
        (b"[]", Form.PLAIN, 0),
        (b'{"events":[]}', Form.PLAIN, 0),
        (cloud(), Form.CLOUDEVENT, 1),
        (b"[" + cloud() + b"," + cloud() + b"]", Form.CLOUDEVENTS_BATCH, 2),
    ],
)
def test_the_forms_of_a_body(body: bytes, form: Form, count: int) -> None:
    result = read(body, form)
    assert (len(result.taken), result.refused) == (count, [])


def test_a_plain_event_with_everything() -> None:
    body = plain(source="app", user_id="ann", properties={"rows": 3, "nested": {"a": [1, None, True]}})
    assert read(body).taken[0][2] == UsageEvent(
        id="e1",
        source="app",
        account_id="acme",
        user_id="ann",
        event="Report Exported",
        time=datetime(2026, 3, 1, 11, tzinfo=UTC),
        received_at=NOON,
        properties={"rows": 3, "nested": {"a": [1, None, True]}},
    )


def test_without_a_time_an_event_happened_when_it_was_received() -> None:
    event = read(plain(time=...)).taken[0][2]
    assert (event.time, event.received_at) == (NOON, NOON)


@pytest.mark.parametrize(
    ("changed", "user_id"),
    [
        ({"userid": "ann", "data": {"user_id": "bob"}}, "ann"),
        ({"data": {"user_id": "bob"}}, "bob"),
        ({"data": {"userId": "bob"}}, "bob"),
        ({"data": {}}, None),
        ({}, None),
    ],
)
def test_the_person_of_a_cloud_event(changed: dict[str, object], user_id: str | None) -> None:
    event = read(cloud(**changed), Form.CLOUDEVENT).taken[0][2]
    assert event.user_id == user_id
    assert event.properties == changed.get("data", {})


deep: object = 1
for _ in range(40):
    deep = [deep]


@pytest.mark.parametrize(
    ("body", "form", "field", "code"),
    [
        (plain(id=...), Form.PLAIN, "id", Code.MISSING),
        (plain(id=None), Form.PLAIN, "id", Code.MISSING),
        (plain(id=7), Form.PLAIN, "id", Code.INVALID),
        (plain(id=""), Form.PLAIN, "id", Code.INVALID),
        (plain(id="x" * 201), Form.PLAIN, "id", Code.INVALID),
        (plain(account_id=...), Form.PLAIN, "account_id", Code.MISSING),
        (plain(account_id="a\r\nb"), Form.PLAIN, "account_id", Code.INVALID),
        (plain(account_id="a\0b"), Form.PLAIN, "account_id", Code.INVALID),
        (plain(account_id=" a"), Form.PLAIN, "account_id", Code.INVALID),
        (plain(event=...), Form.PLAIN, "event", Code.MISSING),
        (plain(event="Kenko.tick.v1"), Form.PLAIN, "event", Code.RESERVED),
        (plain(time="yesterday"), Form.PLAIN, "time", Code.INVALID),
        (plain(time="2026-03-01T11:00:00"), Form.PLAIN, "time", Code.INVALID),
        (plain(time=1772366400), Form.PLAIN, "time", Code.INVALID),
        (plain(time="2026-02-30T11:00:00Z"), Form.PLAIN, "time", Code.INVALID),
        (plain(time="0001-01-01T00:00:00+14:00"), Form.PLAIN, "time", Code.INVALID),
        (plain(time="2026-03-01T13:00:01Z"), Form.PLAIN, "time", Code.IN_THE_FUTURE),
        (plain(user_id={}), Form.PLAIN, "user_id", Code.INVALID),
        (plain(properties=[]), Form.PLAIN, "properties", Code.INVALID),
        (plain(properties={"a": deep}), Form.PLAIN, "properties", Code.TOO_DEEP),
        (plain(properties={"a": {"b": ["x\0"]}}), Form.PLAIN, "properties.a.b[0]", Code.INVALID),
        (plain(properties={"a\0": 1}), Form.PLAIN, "properties", Code.INVALID),
        (plain(properties={"n": 2**63}), Form.PLAIN, "properties.n", Code.INVALID),
        (plain(properties={"n": [1e300]}), Form.PLAIN, "properties.n[0]", Code.INVALID),
        (plain(accountId="acme"), Form.PLAIN, "accountId", Code.UNKNOWN_FIELD),
        (plain(received_at="2026-03-01T11:00:00Z"), Form.PLAIN, "received_at", Code.UNKNOWN_FIELD),
        (b'{"events":[],"sent":1}', Form.PLAIN, "events", Code.UNKNOWN_FIELD),
        (plain(properties={"a": "x" * MAX_EVENT_BYTES}), Form.PLAIN, None, Code.TOO_LARGE),
        (b"", Form.PLAIN, None, Code.UNDECODABLE),
        (b'{"id":', Form.PLAIN, None, Code.UNDECODABLE),
        (b'{"id":"\xff"}', Form.PLAIN, None, Code.UNDECODABLE),
        (b'{"id":"\\ud800"}', Form.PLAIN, None, Code.UNDECODABLE),
        (b'{"n":NaN}', Form.PLAIN, None, Code.UNDECODABLE),
        (b'{"n":1e400}', Form.PLAIN, None, Code.UNDECODABLE),
        (b"7", Form.PLAIN, None, Code.INVALID),
        (b"[" * 10_000, Form.CLOUDEVENT, None, Code.UNDECODABLE),
        (cloud(specversion=...), Form.CLOUDEVENT, "specversion", Code.MISSING),
        (cloud(specversion="0.3"), Form.CLOUDEVENT, "specversion", Code.INVALID),
        (cloud(source=...), Form.CLOUDEVENT, "source", Code.MISSING),
        (cloud(subject=...), Form.CLOUDEVENT, "subject", Code.MISSING),
        (cloud(type=...), Form.CLOUDEVENT, "type", Code.MISSING),
        (cloud(type="kenko.tick.v1"), Form.CLOUDEVENT, "type", Code.RESERVED),
        (cloud(data="text"), Form.CLOUDEVENT, "data", Code.INVALID),
        (cloud(data_base64="AA=="), Form.CLOUDEVENT, "data_base64", Code.INVALID),
        (cloud(data={"user_id": 7}), Form.CLOUDEVENT, "data.user_id", Code.INVALID),
    ],
)  # fmt: skip
def test_a_bad_event_names_its_field(body: bytes, form: Form, field: str | None, code: Code) -> None:
    result = read(body, form)
    assert result.taken == []
    [(problem, raw)] = result.refused
    assert (problem.field, problem.code) == (field, code)
    assert raw == body
    assert field is None or field in problem.message


def test_a_bad_event_costs_no_good_one() -> None:
    bad = [b'{"id":"\\ud800"}', b'{"id":"n","n":NaN}', b'{"id":"\xff"}', b"null", plain(id="b", event=...), b"[[[]]]"]
    body = b"[" + b" , ".join([plain(id="a"), *bad, plain(id="z")]) + b"]"
    result = read(body)
    assert [(index, event.id) for index, _, event in result.taken] == [(0, "a"), (len(bad) + 1, "z")]
    assert [refusal.raw for refusal in result.refused] == bad
    assert [refusal.problem.index for refusal in result.refused] == list(range(1, len(bad) + 1))
    assert [refusal.problem.id for refusal in result.refused] == [None, None, None, None, "b", None]


def test_a_hint_for_a_name_in_another_spelling() -> None:
    [(problem, _)] = read(plain(accountId="acme")).refused
    assert "did you mean 'account_id'?" in problem.message


def test_the_message_about_a_missing_id_says_what_an_id_is() -> None:
    [(problem, _)] = read(plain(id=...)).refused
    assert problem.message == "id: is required: a value that stays the same when you retry, so that it counts once"


def test_an_id_that_is_not_fit_to_be_repeated_is_not_repeated() -> None:
    [(problem, _)] = read(plain(id="a\x1b[31m")).refused
    assert problem.id is None
    assert "\x1b" not in problem.message


@pytest.mark.parametrize(
    ("body", "form", "code"),
    [
        (b"[1,", Form.PLAIN, Code.UNDECODABLE),
        (b"[1] 2", Form.PLAIN, Code.UNDECODABLE),
        (b"[NaN,]", Form.PLAIN, Code.UNDECODABLE),
        (b"[1 2]", Form.PLAIN, Code.UNDECODABLE),
        (b"[]]", Form.PLAIN, Code.UNDECODABLE),
        (b"[,1]", Form.PLAIN, Code.UNDECODABLE),
        (b"[" * 100_000, Form.PLAIN, Code.UNDECODABLE),
        (b"{}", Form.CLOUDEVENTS_BATCH, Code.UNDECODABLE),
        (b"[" + b",".join([b"1"] * (MAX_EVENTS + 1)) + b"]", Form.PLAIN, Code.TOO_LARGE),
    ],
)
def test_a_body_that_cannot_be_split_is_refused_as_a_whole(body: bytes, form: Form, code: Code) -> None:
    with pytest.raises(BadBody) as refusal:
        read(body, form)
    assert refusal.value.code is code


@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*PLAIN, *CLOUD, "properties", "data", "events"]) | st.text(), inner),
    ).map(lambda value: json.dumps(value).encode()),
    st.sampled_from(list(Form)),
)  # fmt: skip
def test_any_body_is_read_or_refused_with_a_reason(body: bytes, form: Form) -> None:
    try:
        result = read(body, form)
    except BadBody:
        return
    for _, _, event in result.taken:
        assert UsageEvent.model_validate(event.model_dump()) == event
    assert all(refusal.problem.message for refusal in result.refused)
