"""What clients that are no Python packages send, by their sources, and what they look for in the answer."""

from __future__ import annotations

import base64
import gzip
import json
from urllib.parse import urlencode

import orjson
import pytest

from kenko.dialects.mixpanel_routes import MIXPANEL_ROUTES
from kenko.dialects.posthog_routes import POSTHOG_ROUTES
from schemas.dead_letter import DeadLetter
from schemas.topics import Topic

KEY = "a-key-for-the-tests-of-ingest"
FORM = "application/x-www-form-urlencoded"
CAPTURE = {"event": "Seen", "uuid": "u-1", "distinct_id": "ann", "properties": {"token": KEY, "account_id": "acme"}}
TRACK = {
    "event": "Seen",
    "properties": {"token": KEY, "distinct_id": "ann", "company_id": "acme", "time": 1_700_000_000},
}
GROUP = {"$token": KEY, "$group_key": "company", "$group_id": "acme", "$set": {"seats": 4}}
PACKED = base64.b64encode(orjson.dumps(TRACK)).decode()


@pytest.fixture
def send(ingest):
    """Send to a path, without a key in the headers unless one is given: status, headers, body."""

    async def send(method, path, body=b"", content_type="application/json", **headers):
        sent = {"Content-Type": content_type} | {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        url = f"http://127.0.0.1:{ingest.port}{path}"
        async with ingest.session.request(method, url, data=data, headers=sent) as response:
            return response.status, response.headers, await response.read()

    return send


@pytest.mark.parametrize("path", sorted(POSTHOG_ROUTES))
async def test_every_path_of_posthog_takes_events(ingest, send, path) -> None:
    status, _, body = await send("POST", path, {"batch": [CAPTURE], "api_key": KEY}, Authorization=f"Bearer {KEY}")
    answer = orjson.loads(body)
    assert (status, answer["status"], answer["accepted"]) == (200, 1, 1)
    assert ("results" in answer) == path.startswith("/i/v1/")
    assert [record.key for record in ingest.sink.of(Topic.USAGE_EVENTS)] == [b"acme"]


@pytest.mark.parametrize("path", ["/e/", "/i/v0/e/?compression=gzip-js&_=1700000000000"])
async def test_posthogs_browser_library_is_read_and_may_read_the_answer(ingest, send, path) -> None:
    body = orjson.dumps([CAPTURE])
    packed = gzip.compress(body) if "gzip" in path else body
    status, headers, answer = await send("POST", path, packed, "text/plain", Origin="https://example.com")
    assert (status, orjson.loads(answer)["accepted"]) == (200, 1)
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert len(ingest.sink.of(Topic.USAGE_EVENTS)) == 1


async def test_a_bomb_that_says_gzip_in_the_query_stops_at_the_limit(ingest, send) -> None:
    status, _, answer = await send("POST", "/e/?compression=gzip-js", gzip.compress(b" " * 50_000_000), "text/plain")
    assert (status, orjson.loads(answer)["code"]) == (413, "too_large")
    assert ingest.metric("kenko_ingest_in_flight_bytes") == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [("/batch/", {"batch": [CAPTURE], "api_key": "another"}), ("/batch/", {"batch": [7]}), ("/e/", b"{"), ("/e/", b"")],
)
async def test_without_a_known_key_nothing_of_posthogs_is_kept(ingest, send, path, body) -> None:
    status, _, answer = await send("POST", path, body)
    assert (status, orjson.loads(answer)["code"]) == (401, "unauthorized")
    assert ingest.sink.written == []


@pytest.mark.parametrize("path", sorted(MIXPANEL_ROUTES))
async def test_every_path_of_mixpanel_takes_its_calls(ingest, send, path) -> None:
    data = TRACK if path.startswith(("/track", "/import")) else GROUP
    body = urlencode({"data": json.dumps(data), "verbose": 1}).encode()
    status, headers, answer = await send("POST", path, body, FORM)
    assert (status, orjson.loads(answer)["status"], orjson.loads(answer)["error"]) == (200, 1, None)
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert len(ingest.sink.of(Topic.USAGE_EVENTS)) == (0 if path.startswith("/engage") else 1)


async def test_mixpanels_node_client_sends_single_calls_by_get_and_wants_a_1(ingest, send) -> None:
    query = urlencode({"ip": 0, "verbose": 0, "data": PACKED})
    status, headers, answer = await send("GET", f"/track?{query}", content_type="")
    assert (status, headers["Content-Type"], answer) == (200, "text/plain; charset=utf-8", b"1")
    status, _, answer = await send("GET", f"/track?{query.replace('verbose=0', 'verbose=1')}", content_type="")
    assert (status, orjson.loads(answer)["status"]) == (200, 1)
    assert len(ingest.sink.of(Topic.USAGE_EVENTS)) == 2


async def test_mixpanels_node_client_sends_batches_in_base64_as_it_is(send) -> None:
    status, _, answer = await send("POST", "/track?ip=0&verbose=0", b"data=" + PACKED.encode(), FORM)
    assert (status, answer) == (200, b"1")


async def test_a_refusal_is_told_in_words_to_those_who_wait_for_a_1(send) -> None:
    bad = base64.b64encode(orjson.dumps(TRACK | {"event": None})).decode()
    status, _, answer = await send("GET", "/track?" + urlencode({"verbose": 0, "data": bad}), content_type="")
    assert status == 400
    assert b"event: is required" in answer


async def test_mixpanels_java_client_imports_json_and_wants_ok(ingest, send) -> None:
    basic = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
    body = gzip.compress(orjson.dumps([TRACK, TRACK | {"event": 7}]))
    status, _, raw = await send("POST", "/import?strict=1", body, Authorization=basic, Content_Encoding="gzip")
    answer = orjson.loads(raw)
    assert (status, answer["code"], answer["status"], answer["num_records_imported"]) == (200, 200, "OK", 1)
    assert [failed["field"] for failed in answer["failed_records"]] == ["event"]
    assert len(ingest.sink.of(Topic.USAGE_EVENTS)) == 1


async def test_mixpanels_go_client_reads_a_number_from_engage(send) -> None:
    status, _, answer = await send("POST", "/engage", [{"$token": KEY, "$distinct_id": "ann", "$set": {"a": "b"}}])
    assert (status, orjson.loads(answer)) == (200, 1)


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        ("/e/", [CAPTURE | {"event": 7}], "text/plain"),
        ("/track", [TRACK | {"event": 7}], "application/json"),
        ("/batch", {"batch": 7, "api_key": KEY}, "application/json"),
    ],
)
async def test_no_key_gets_into_the_dead_letters(ingest, send, path, body, content_type) -> None:
    status, _, _ = await send("POST", path, body, content_type)
    assert status == 400
    [letter] = ingest.sink.of(Topic.DEAD_LETTERS)
    assert KEY.encode() not in letter.value
    assert KEY not in str(letter.headers)
    assert DeadLetter.from_headers(letter.headers).dialect in ("posthog", "mixpanel")


@pytest.mark.parametrize("key", [{"X_API_Key": KEY}, {}])
async def test_a_body_that_cannot_be_split_is_kept_for_a_known_sender_only(ingest, send, key) -> None:
    status, _, answer = await send("POST", "/track", b"data=%%", FORM, **key)
    assert (status, orjson.loads(answer)["code"]) == ((400, "undecodable") if key else (401, "unauthorized"))
    assert len(ingest.sink.of(Topic.DEAD_LETTERS)) == len(key)


async def test_a_cloud_event_in_binary_mode_is_kept_as_a_structured_one_where_it_is_bad(ingest, send) -> None:
    attributes = {"ce_specversion": "1.0", "ce_id": "e1", "ce_source": "app", "ce_type": "Seen", "X_API_Key": KEY}
    status, _, answer = await send("POST", "/v1/events", {"rows": 3}, **attributes, ce_subject="acme")
    assert (status, orjson.loads(answer)["accepted"]) == (200, 1)
    status, _, answer = await send("POST", "/v1/events", {"rows": 3}, **attributes)
    assert (status, orjson.loads(answer)["failed_records"][0]["field"]) == (400, "ce-subject")
    [letter] = ingest.sink.of(Topic.DEAD_LETTERS)
    kept = {"specversion": "1.0", "id": "e1", "source": "app", "type": "Seen", "data": {"rows": 3}}
    assert orjson.loads(letter.value) == kept
    assert (await ingest.post(orjson.dumps(kept | {"subject": "a"}), "application/cloudevents+json"))[0] == 200
