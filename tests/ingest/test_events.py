"""POST /v1/events over the sink in memory: what is answered, and what is kept."""

from __future__ import annotations

import gzip
import zlib

import orjson
import pytest
from backports import zstd

from kenko.dialects.cloudevents import decode_record
from kenko.runtime.clock import SystemClock
from schemas.base import from_ms, to_ms
from schemas.dead_letter import DeadLetter, DeadLetterReason
from schemas.topics import Topic

EVENT = {
    "id": "e1",
    "source": "app",
    "account_id": "acme",
    "user_id": "ann",
    "event": "Report Exported",
    "time": "2026-03-01T12:00:00Z",
    "properties": {"rows": 3},
}
CLOUD = {
    "specversion": "1.0",
    "id": "e1",
    "source": "app",
    "type": "Report Exported",
    "subject": "acme",
    "userid": "ann",
    "time": "2026-03-01T12:00:00Z",
    "data": {"rows": 3},
}
ONE = {
    "success": True,
    "status": 1,
    "error": None,
    "accepted": 1,
    "rejected": 0,
    "unattributed": 0,
    "failed_records": [],
}
BATCH_TYPE = "application/cloudevents-batch+json"


def kept(ingest):
    """The events in the sink, as the scorer will read them."""
    now_ms = SystemClock().now_ms()
    return [decode_record(r.key, r.value, r.headers, now_ms) for r in ingest.sink.of(Topic.USAGE_EVENTS)]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (EVENT, "application/json"),
        ([EVENT], "application/json; charset=utf-8"),
        ({"events": [EVENT]}, "application/json"),
        (CLOUD, "application/cloudevents+json"),
        ([CLOUD], BATCH_TYPE),
    ],
)
async def test_an_event_in_each_form_is_kept_and_says_when_it_came(ingest, body, content_type) -> None:
    assert await ingest.post(orjson.dumps(body), content_type) == (200, ONE)
    [event] = kept(ingest)
    assert event.model_dump(mode="json", exclude={"received_at", "backfill"}) == EVENT
    assert to_ms(event.received_at) <= SystemClock().now_ms()
    [record] = ingest.sink.of(Topic.USAGE_EVENTS)
    assert record.key == b"acme"


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("zstd", zstd.compress),
        ("identity", bytes),
    ],
)
async def test_a_compressed_body_is_the_same_body(ingest, encoding, compress) -> None:
    body = compress(orjson.dumps([EVENT]))
    assert await ingest.post(body, Content_Encoding=encoding) == (200, ONE)
    assert len(kept(ingest)) == 1


async def test_the_good_events_beside_bad_ones_are_kept_and_the_bad_ones_named(ingest) -> None:
    late = from_ms(SystemClock().now_ms() + 3_700_000).isoformat()
    bad = [{"id": "b1", "event": "x"}, EVENT | {"id": "b2", "time": late}]
    raw = [orjson.dumps(item) for item in bad]
    body = b"[" + b",".join([raw[0], orjson.dumps(EVENT), raw[1]]) + b"]"
    status, answer = await ingest.post(body)
    assert (status, answer["success"], answer["accepted"], answer["rejected"]) == (200, True, 1, 2)
    assert answer["failed_records"] == [
        {
            "index": 0,
            "id": "b1",
            "field": "account_id",
            "code": "missing",
            "message": "account_id: is required: the customer whose health is scored",
        },
        {
            "index": 2,
            "id": "b2",
            "field": "time",
            "code": "in_the_future",
            "message": "time: is more than an hour in the future: check the sender's clock",
        },
    ]
    letters = ingest.sink.of(Topic.DEAD_LETTERS)
    assert [letter.value for letter in letters] == raw
    assert [DeadLetter.from_headers(letter.headers) for letter in letters] == [
        DeadLetter(reason=reason, message=failed["message"], app="ingest", dialect="plain", path="/v1/events")
        for reason, failed in zip(
            [DeadLetterReason.INVALID, DeadLetterReason.IN_THE_FUTURE], answer["failed_records"], strict=True
        )
    ]
    assert ingest.metric("kenko_ingest_events_total", dialect="plain", outcome="accepted", reason="") == 1
    assert ingest.metric("kenko_ingest_events_total", dialect="plain", outcome="rejected", reason="missing") == 1
    assert ingest.metric("kenko_ingest_events_total", dialect="plain", outcome="rejected", reason="in_the_future") == 1


async def test_when_every_event_is_bad_the_answer_is_400_with_all_of_them(ingest) -> None:
    status, answer = await ingest.post(orjson.dumps([{"id": "b1"}, 7]))
    message = "account_id: is required: the customer whose health is scored"
    detail = f"none of 2 events is valid; {message}"
    assert (status, answer) == (
        400,
        {
            "type": "urn:kenko:problem:invalid_events",
            "title": "Bad Request",
            "status": 400,
            "detail": detail,
            "code": "invalid_events",
            "message": detail,
            "error": detail,
            "success": False,
            "accepted": 0,
            "rejected": 2,
            "failed_records": [
                {"index": 0, "id": "b1", "field": "account_id", "code": "missing", "message": message},
                {
                    "index": 1,
                    "id": None,
                    "field": None,
                    "code": "invalid",
                    "message": "an event must be a JSON object, not a number",
                },
            ],
        },
    )
    assert len(ingest.sink.of(Topic.DEAD_LETTERS)) == 2
    assert ingest.sink.of(Topic.USAGE_EVENTS) == []


async def test_a_number_that_grows_when_written_again_is_refused_here_and_not_later(ingest) -> None:
    body = orjson.dumps(EVENT)[:-2] + b',"n":[' + b",".join([b"1e15"] * 6_000) + b"]}}"
    status, answer = await ingest.post(body)
    assert (status, answer["failed_records"][0]["code"]) == (413, "too_large")
    assert ingest.sink.of(Topic.USAGE_EVENTS) == []


async def test_of_a_large_dead_letter_the_beginning_is_kept(ingest) -> None:
    body = orjson.dumps(EVENT | {"properties": {"a": "x" * 200_000}})
    status, _ = await ingest.post(body)
    [letter] = ingest.sink.of(Topic.DEAD_LETTERS)
    assert status == 413
    assert letter.value == body[:65_536]
    assert f"65536 of {len(body)} bytes" in DeadLetter.from_headers(letter.headers).message


async def test_a_body_that_cannot_be_split_is_a_dead_letter_as_a_whole(ingest) -> None:
    status, answer = await ingest.post(b"[{")
    assert (status, answer["code"]) == (400, "undecodable")
    [letter] = ingest.sink.of(Topic.DEAD_LETTERS)
    assert letter.value == b"[{"


async def test_an_empty_batch_is_nothing_wrong(ingest) -> None:
    assert await ingest.post(b"[]") == (200, ONE | {"accepted": 0})


@pytest.mark.parametrize("body", [orjson.dumps(EVENT), b"{}", b"["])
async def test_while_kafka_is_away_the_answer_is_503_with_retry_after(ingest, body) -> None:
    ingest.sink.away = True
    headers = {"X-API-Key": "a-key-for-the-tests-of-ingest", "Content-Type": "application/json"}
    async with ingest.session.post(ingest.url, data=body, headers=headers) as response:
        answer = await response.json(content_type=None)
        assert response.status == 503
        assert response.headers["Retry-After"] == "5"
        assert response.headers["Content-Type"] == "application/problem+json"
    assert answer["code"] == "kafka_away"
    assert ingest.metric("kenko_ingest_requests_total", code="503") == 1
    assert ingest.metric("kenko_ingest_events_total", dialect="plain", outcome="accepted", reason="") == 0
    assert ingest.metric("kenko_ingest_in_flight_bytes") == 0


async def test_a_mistake_of_ours_is_answered_503_and_keeps_nothing(start) -> None:
    class Broken:
        async def write(self, _records):
            raise RuntimeError("planted")

        def standing(self):
            raise AssertionError

    async with start(Broken()) as ingest:
        status, answer = await ingest.post(orjson.dumps(EVENT))
    assert (status, answer["code"]) == (503, "internal")
    assert "planted" not in str(answer)


async def test_another_path_is_404_and_another_method_405(ingest) -> None:
    async with ingest.session.get(ingest.url.replace("/v1/events", "/nothing")) as response:
        assert (response.status, (await response.json(content_type=None))["code"]) == (404, "not_found")
    async with ingest.session.get(ingest.url) as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")


async def test_known_series_stand_at_zero_from_the_start(ingest) -> None:
    for code in (200, 400, 401, 408, 413, 415, 431, 503):
        assert ingest.metric("kenko_ingest_requests_total", code=str(code)) == 0
    assert ingest.metric("kenko_ingest_events_total", dialect="plain", outcome="rejected", reason="reserved") == 0
