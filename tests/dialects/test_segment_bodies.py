"""The bodies and paths of Segment's and RudderStack's clients, and whatever else may come there."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kenko.dialects.known_accounts import KnownAccounts
from kenko.dialects.problems import ProblemCode as Code
from kenko.dialects.reading import MAX_EVENTS, Noted, Reading, Taken, read_items
from kenko.dialects.request import BadBody, Envelope, RequestParts, UnsupportedMedia
from kenko.dialects.routes import ROUTES
from kenko.dialects.segment import SEGMENT
from kenko.dialects.segment_body import PATHS
from kenko.dialects.sending import ANYBODY, Sending
from kenko.dialects.times import Received
from schemas.base import to_ms

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRACK = {
    "type": "track",
    "messageId": "m1",
    "userId": "ann",
    "groupId": "acme",
    "event": "Report Exported",
    "timestamp": "2026-03-01T11:00:00.000Z",
}


def open_(body: object, path: str = "/v1/batch", content_type: str = "application/json") -> Envelope:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SEGMENT.open(RequestParts(path, content_type, {}, {}, raw))


def read(body: object, path: str = "/v1/batch") -> Reading:
    sending = Sending(Received(NOON, to_ms(NOON)), ANYBODY, KnownAccounts())
    return read_items(SEGMENT, open_(body, path), sending)


SHORT = {"t": "track", "i": "identify", "g": "group", "p": "page", "s": "screen", "a": "alias"}


@pytest.mark.parametrize("end", ["", "/"])
@pytest.mark.parametrize(("short", "call"), SHORT.items())
def test_a_path_names_the_call(short: str, call: str, end: str) -> None:
    item = {name: value for name, value in TRACK.items() if name != "type"} | {"writeKey": "k"}
    [in_batch] = read({"batch": [item | {"type": call}]}).taken
    for path in (f"/v1/{call}{end}", f"/v1/{short}{end}"):
        assert read(item, path).taken[0].item == in_batch.item
    assert open_(item, f"/v1/{short}{end}").key == "k"


def test_all_paths_are_routed_here() -> None:
    assert len(PATHS) == 30
    parts = RequestParts("", "", {}, {}, b"")
    assert {ROUTES[path](parts) for path in PATHS} == {SEGMENT}


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/batch/", "/v1/b", "/v1/b/", "/v1/import", "/v1/import/"])
def test_a_batch_has_its_key_and_what_is_meant_for_all(path: str) -> None:
    body = {"batch": [TRACK, TRACK], "writeKey": "k", "sentAt": "2026-03-01T12:00:00Z", "timestamp": 7, "context": {}}
    envelope = open_(body, path, "text/plain;charset=UTF-8")
    assert [orjson.loads(item) for item in envelope.items] == [TRACK, TRACK]
    assert envelope.around == {"sentAt": "2026-03-01T12:00:00Z", "context": {}}
    assert (envelope.key, envelope.backfill) == ("k", path.startswith("/v1/import"))


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_the_content_types_that_clients_name(content_type: str) -> None:
    assert len(open_({"batch": [TRACK]}, content_type=content_type).items) == 1


@pytest.mark.parametrize("content_type", ["text/csv", "application/json; charset=latin-1", "multipart/form-data"])
def test_another_content_type_is_not_taken(content_type: str) -> None:
    with pytest.raises(UnsupportedMedia, match="application/json or text/plain"):
        open_({"batch": []}, content_type=content_type)


def test_the_good_calls_beside_a_bad_one_are_kept() -> None:
    # Python's json writes NaN, and only the call that holds it is lost.
    body = json.dumps({"batch": [TRACK, TRACK | {"properties": {"a": float("nan")}}, TRACK]}).encode()
    reading = read(body)
    assert [taken.place for taken in reading.taken] == [0, 2]
    assert [refusal.problem.code for refusal in reading.refused] == [Code.UNDECODABLE]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'{"batch": {}}', b"{}", b'{"batch": [1', b'{"batch": 7, "a": NaN}']
)
def test_a_body_without_a_list_of_calls(body: bytes) -> None:
    with pytest.raises(BadBody, match="batch"):
        open_(body)


def test_a_single_call_that_is_no_object_is_a_bad_call() -> None:
    assert read([TRACK], "/v1/t").refused[0].problem.code is Code.INVALID
    assert read(b"{", "/v1/t").refused[0].problem.code is Code.UNDECODABLE


@pytest.mark.parametrize("key", [None, "", 7, {}, b'"\\ud800"'])
def test_a_key_that_is_no_text_is_none(key: object) -> None:
    raw = key if isinstance(key, bytes) else orjson.dumps(key)
    assert open_(b'{"batch": [], "writeKey": ' + raw + b"}").key is None


def test_more_calls_than_a_request_may_hold() -> None:
    with pytest.raises(BadBody, match=str(MAX_EVENTS)):
        read(b'{"batch":[' + b",".join([b"{}"] * (MAX_EVENTS + 1)) + b"]}")


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["acme", "", "2026-03-01T11:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "company", "traits", "groupId", "$groups", "account_id", "name", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
calls = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "page", "screen", "identify", "group", "alias"]) | anything},
    optional=dict.fromkeys(
        (
            "event",
            "messageId",
            "userId",
            "anonymousId",
            "previousId",
            "groupId",
            "properties",
            "traits",
            "context",
            "timestamp",
            "originalTimestamp",
            "sentAt",
            "name",
            "category",
        ),
        anything,
    ),
)
bodies = st.fixed_dictionaries(
    {}, optional={"batch": st.lists(calls | anything, max_size=4) | anything, "sentAt": anything, "context": anything}
)


@given(body=bodies | calls | anything, path=st.sampled_from(PATHS))
def test_whatever_comes_is_read_or_refused_in_words(body: object, path: str) -> None:
    for taken in read_or_refused(json.dumps(body).encode(), path):
        if isinstance(taken.item, Noted):
            assert taken.item.id
        else:
            model = type(taken.item)
            assert model.model_validate(taken.item.model_dump()) == taken.item


@given(
    raw=st.binary(max_size=60) | st.text(alphabet='{}[]":,batch 1NaN\\ud8', max_size=40).map(str.encode),
    path=st.sampled_from(["/v1/batch", "/v1/t"]),
)
def test_bytes_are_refused_in_words(raw: bytes, path: str) -> None:
    assert read_or_refused(raw, path) == []


def read_or_refused(raw: bytes, path: str) -> list[Taken]:
    """What is taken of it. Nothing but a BadBody may come out, and every refusal has its words."""
    try:
        reading = read(raw, path)
    except BadBody as error:
        message = error.message
        assert message
        return []
    assert all(refusal.problem.message for refusal in reading.refused)
    return reading.taken
