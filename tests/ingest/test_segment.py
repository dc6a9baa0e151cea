"""Segment's paths over HTTP: the places of the key, what a browser asks for, and what becomes of what finds no account."""

from __future__ import annotations

import base64

import orjson
import pytest

from schemas.dead_letter import DeadLetter, DeadLetterReason
from schemas.topics import Topic

KEY = "a-key-for-the-tests-of-ingest"
CALL = {"type": "track", "messageId": "m1", "userId": "ann", "event": "Seen", "context": {"groupId": "acme"}}
GROUP = {"type": "group", "messageId": "m2", "userId": "ann", "groupId": "acme", "traits": {"seats": 4}}
BASIC = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()


@pytest.fixture
def send(ingest):
    """POST to a path, without a key unless one is given: status, headers, body."""

    async def send(path, body, *, method="POST", **headers):
        sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        url = f"http://127.0.0.1:{ingest.port}{path}"
        async with ingest.session.request(method, url, data=data, headers=sent) as response:
            raw = await response.read()
            return response.status, response.headers, orjson.loads(raw) if raw else None

    return send


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"batch": [CALL]}, {"Authorization": BASIC}),
        ({"batch": [CALL]}, {"Authorization": f"Bearer {KEY}"}),
        ({"batch": [CALL]}, {"X_API_Key": KEY}),
        ({"batch": [CALL], "writeKey": KEY}, {}),
        ({"batch": [CALL], "writeKey": KEY}, {"Content_Type": "text/plain"}),
        # The header goes before.
        ({"batch": [CALL], "writeKey": "another"}, {"Authorization": BASIC}),
    ],
)
async def test_a_key_is_taken_in_each_place(ingest, send, body, headers) -> None:
    status, _, answer = await send("/v1/batch", body, **headers)
    assert (status, answer["success"], answer["accepted"]) == (200, True, 1)
    assert [record.key for record in ingest.sink.of(Topic.USAGE_EVENTS)] == [b"acme"]


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/v1/batch", {"batch": [CALL]}, {}),
        ("/v1/batch", {"batch": [CALL], "writeKey": "another"}, {}),
        ("/v1/batch", {"batch": [CALL], "writeKey": 7}, {}),
        ("/v1/batch", {"batch": [CALL], "writeKey": KEY}, {"Authorization": "Bearer another"}),
        ("/v1/batch", b"{", {}),
        ("/v1/track", CALL, {}),
        ("/v1/t/", b"{", {}),
    ],
)
async def test_without_a_known_key_nothing_is_kept(ingest, send, path, body, headers) -> None:
    status, _, answer = await send(path, body, **headers)
    assert (status, answer["code"]) == (401, "unauthorized")
    assert ingest.sink.written == []


async def test_a_single_call_with_its_key_as_a_browser_sends_it(ingest, send) -> None:
    status, headers, answer = await send("/v1/t", CALL | {"writeKey": KEY}, Content_Type="text/plain", Origin="null")
    assert (status, answer["accepted"]) == (200, 1)
    assert headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("/v1/t", b"{}", 401), ("/v1/b", {"batch": [], "writeKey": KEY}, 200), ("/v1/m/", b"", 200)],
)
async def test_a_page_may_read_every_answer(send, path, body, status) -> None:
    got, headers, _ = await send(path, body)
    assert (got, headers["Access-Control-Allow-Origin"]) == (status, "*")
    assert headers["Access-Control-Expose-Headers"] == "Retry-After"


@pytest.mark.parametrize("path", ["/v1/t", "/v1/track/", "/v1/batch", "/v1/m"])
async def test_a_browser_that_asks_before_is_let_in(ingest, send, path) -> None:
    status, headers, answer = await send(
        path,
        b"",
        method="OPTIONS",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="authorization",
    )
    assert (status, answer) == (204, None)
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Allow-Methods"] == "POST"
    assert "Authorization" in headers["Access-Control-Allow-Headers"]
    # It is no call of a client: nobody is asked for a key, and it is counted nowhere.
    assert sum(ingest.metric("kenko_ingest_requests_total", code=code) for code in ("200", "401")) == 0


async def test_other_methods_and_other_paths_are_as_they_were(ingest, send) -> None:
    status, headers, _ = await send("/v1/t", b"", method="GET")
    assert (status, headers["Allow"]) == (405, "POST")
    assert (await send("/v1/events", b"", method="OPTIONS"))[0] == 405
    _, headers, _ = await send("/v1/events", b"[]", X_API_Key=KEY)
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("path", ["/v1/m", "/v1/m/"])
async def test_what_the_browser_library_measures_of_itself_is_dropped(ingest, send, path) -> None:
    status, _, answer = await send(path, {"series": [{"type": "Counter"}]}, Content_Type="text/plain")
    assert (status, answer["success"], answer["accepted"]) == (200, True, 0)
    assert ingest.sink.written == []
    assert ingest.metric("kenko_ingest_requests_total", code="200") == 1


async def test_what_finds_no_account_is_kept_aside_until_its_user_is_known(ingest, send) -> None:
    orphan = CALL | {"context": {}}
    status, _, answer = await send("/v1/batch", {"batch": [orphan, GROUP]}, X_API_Key=KEY)
    assert (status, answer["accepted"], answer["rejected"], answer["unattributed"]) == (200, 1, 0, 1)
    [letter] = ingest.sink.of(Topic.DEAD_LETTERS)
    assert orjson.loads(letter.value) == orphan
    told = DeadLetter.from_headers(letter.headers)
    assert (told.reason, told.dialect) == (DeadLetterReason.UNATTRIBUTED, "segment")
    assert (
        ingest.metric("kenko_ingest_events_total", dialect="segment", outcome="unattributed", reason="unattributed")
        == 1
    )

    status, _, answer = await send("/v1/batch", {"batch": [orphan]}, X_API_Key=KEY)
    assert (status, answer["accepted"], answer["unattributed"]) == (200, 1, 0)


async def test_calls_that_say_nothing_of_use_are_noted(ingest, send) -> None:
    calls = [{"type": "identify", "userId": "ann"}, {"type": "alias", "userId": "ann", "previousId": "visitor"}]
    status, _, answer = await send("/v1/batch", {"batch": calls}, X_API_Key=KEY)
    assert (status, answer["accepted"]) == (200, 2)
    assert ingest.sink.written == []
    assert ingest.metric("kenko_ingest_events_total", dialect="segment", outcome="noted", reason="") == 2
