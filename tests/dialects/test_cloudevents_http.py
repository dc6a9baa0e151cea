"""CloudEvents over HTTP in binary mode, and the `cloudevents` package as the judge of what we read."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import orjson
import pytest
from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from kenko.dialects.cloudevents_http import dialect_of
from kenko.dialects.known_accounts import KnownAccounts
from kenko.dialects.problems import ProblemCode as Code
from kenko.dialects.reading import Reading, read_items
from kenko.dialects.request import BadBody, RequestParts, UnsupportedMedia
from kenko.dialects.sending import ANYBODY, Origin, Sending
from kenko.dialects.times import Received
from schemas.base import to_ms
from schemas.usage_event import UsageEvent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECEIVED = Received(NOON, to_ms(NOON))
HEADERS = {
    "ce-specversion": "1.0",
    "ce-id": "e1",
    "ce-source": "app",
    "ce-type": "Report Exported",
    "ce-subject": "acme",
    "ce-userid": "ann",
    "ce-time": "2026-03-01T11:00:00Z",
    "host": "127.0.0.1",
}


def request(body: bytes = b'{"rows":3}', content_type: str = "application/json", **changed: str | None) -> RequestParts:
    given = HEADERS | {f"ce-{name}": value for name, value in changed.items()}
    headers = {name: value for name, value in given.items() if value is not None}
    return RequestParts("/v1/events", content_type, headers, {}, body)


def read(parts: RequestParts, origin: Origin = ANYBODY) -> Reading:
    dialect = dialect_of(parts)
    return read_items(dialect, dialect.open(parts), Sending(RECEIVED, origin, KnownAccounts()))


def test_an_event_with_everything() -> None:
    [taken] = read(request()).taken
    assert taken.item == UsageEvent(
        id="e1",
        source="app",
        account_id="acme",
        user_id="ann",
        event="Report Exported",
        time=datetime(2026, 3, 1, 11, tzinfo=UTC),
        received_at=NOON,
        properties={"rows": 3},
    )


@pytest.mark.parametrize(
    "content_type", ["", "application/json; charset=UTF-8", "text/json", "application/vnd.acme+json"]
)
def test_the_data_is_json(content_type: str) -> None:
    assert read(request(content_type=content_type)).taken[0].item.properties == {"rows": 3}


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/json; charset=latin-1"])
def test_data_of_another_kind_is_not_taken(content_type: str) -> None:
    with pytest.raises(UnsupportedMedia):
        dialect_of(request(content_type=content_type))


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("a%20b", "a b"),
        ("%E5%81%A5%E5%BA%B7", "健康"),
        ("健康".encode().decode("latin-1"), "健康"),
        ('"a b"', "a b"),
        (r'"a \"b\" \\c"', r'a "b" \c'),
        ('"50%25"', "50%"),
        ("50%2525", "50%25"),
        ('"', '"'),
        (" a ", "a"),
    ],
)
def test_headers_are_unquoted_and_percent_decoded_once(sent: str, meant: str) -> None:
    assert read(request(subject=sent)).taken[0].item.account_id == meant


def test_structured_mode_goes_by_its_content_type_whatever_headers_say() -> None:
    item = {"specversion": "1.0", "id": "e2", "source": "app", "type": "Login", "subject": "other"}
    [taken] = read(request(orjson.dumps(item), "application/cloudevents+json")).taken
    assert (taken.item.id, taken.item.account_id) == ("e2", "other")


def test_without_ce_headers_it_is_plain_json() -> None:
    parts = RequestParts("/v1/events", "application/json", {"ce-subject": "acme"}, {}, b'{"id":"e1"}')
    [(problem, _)] = read(parts).refused
    assert problem.field == "account_id"


def test_without_data_there_are_no_properties() -> None:
    assert read(request(b"")).taken[0].item.properties == {}


@pytest.mark.parametrize(
    ("parts", "field", "code"),
    [
        (request(specversion=None), "ce-specversion", Code.MISSING),
        (request(specversion="0.3"), "ce-specversion", Code.INVALID),
        (request(id=None), "ce-id", Code.MISSING),
        (request(source=""), "ce-source", Code.INVALID),
        (request(type="kenko.tick.v1"), "ce-type", Code.RESERVED),
        (request(subject=None), "ce-subject", Code.MISSING),
        (request(subject="a%00b"), "ce-subject", Code.INVALID),
        (request(time="yesterday"), "ce-time", Code.INVALID),
        (request(time="2026-03-02T11:00:00Z"), "ce-time", Code.IN_THE_FUTURE),
        (request(userid='""'), "ce-userid", Code.INVALID),
        (request(b"[1]"), "data", Code.INVALID),
        (request(b'{"n":'), "data", Code.UNDECODABLE),
        (request(b"\xff"), "data", Code.UNDECODABLE),
        (request(b'{"user_id": 7}', userid=None), "data.user_id", Code.INVALID),
        # What would end the data early and go on as attributes is no JSON.
        (request(b'{},"subject":"other"'), "data", Code.UNDECODABLE),
    ],
)  # fmt: skip
def test_a_bad_event_names_its_header(parts: RequestParts, field: str, code: Code) -> None:
    reading = read(parts)
    assert reading.taken == []
    [(problem, _raw)] = reading.refused
    assert (problem.field, problem.code) == (field, code)


def test_a_header_that_is_no_text_is_refused() -> None:
    with pytest.raises(BadBody) as refusal:
        read(request(id="%FF"))
    assert "ce-id" in refusal.value.message


@pytest.mark.parametrize("body", [b'{"rows": 3}', b"not json"])
def test_what_is_kept_of_a_bad_event_is_a_structured_one(body: bytes) -> None:
    [(_, raw)] = read(request(body, subject=None)).refused
    kept = orjson.loads(raw)
    assert kept["id"] == "e1"
    assert "host" not in kept
    if body.startswith(b"{"):
        assert kept["data"] == {"rows": 3}
        again = read(
            RequestParts("/v1/events", "application/cloudevents+json", {}, {}, orjson.dumps(kept | {"subject": "a"}))
        )
        assert again.taken[0].item.account_id == "a"
    else:
        assert base64.b64decode(kept["data_base64"]) == body


def test_a_key_sends_for_its_source_only() -> None:
    [(problem, _)] = read(request(), Origin(("web",))).refused
    assert (problem.field, problem.code) == ("ce-source", Code.FORBIDDEN_SOURCE)


TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40).filter(lambda t: t == t.strip())
TYPES = TEXT.filter(lambda text: not text.lower().startswith("kenko."))


@given(
    st.fixed_dictionaries(
        {"id": TEXT, "source": TEXT, "type": TYPES, "subject": TEXT, "time": st.datetimes(datetime(1990, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))},  # noqa: DTZ001
        optional={"userid": TEXT},
    ),
    st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.integers(-(2**53), 2**53) | st.booleans()),
)  # fmt: skip
def test_what_the_package_writes_is_read_alike_in_both_modes(attributes: dict, data: dict) -> None:
    event = CloudEvent({"specversion": "1.0", "datacontenttype": "application/json", **attributes}, data)
    read_back = []
    for message in (http.to_binary_event(event), http.to_structured_event(event)):
        headers = {name.lower(): value for name, value in message.headers.items()}
        reading = read(RequestParts("/v1/events", headers["content-type"], headers, {}, message.body))
        assert reading.refused == []
        read_back.append(reading.taken[0].item)
    assert read_back[0] == read_back[1]
    item = read_back[0]
    assert (item.id, item.source, item.event, item.account_id) == tuple(
        attributes[n] for n in ("id", "source", "type", "subject")
    )
    assert (item.time, item.properties) == (attributes["time"], data)


@given(
    st.binary(max_size=200),
    st.dictionaries(
        st.sampled_from([*HEADERS, "ce-data", "ce-data_base64", "ce-x"]), st.text(st.characters(max_codepoint=255))
    ),
    st.sampled_from(["application/json", "text/plain", "", "application/cloudevents+json"]),
)
def test_any_request_is_read_or_refused_with_a_reason(body: bytes, headers: dict[str, str], content_type: str) -> None:
    try:
        reading = read(RequestParts("/v1/events", content_type, headers, {}, body))
    except (BadBody, UnsupportedMedia) as error:
        reasons = [str(error)]
    else:
        reasons = [refusal.problem.message for refusal in reading.refused]
    assert all(reasons)
