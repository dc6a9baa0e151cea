"""Whatever is sent gets a clear refusal, and never a 5xx."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections import Counter

import orjson
import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EVENT = {"id": "e1", "account_id": "acme", "event": "Seen"}
TYPES = ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"]
KEY = "a-key-for-the-tests-of-ingest"
_WIDE_OPTIONS = {zstd.CompressionParameter.window_log: 30, zstd.CompressionParameter.content_size_flag: 0}
_WIDE = zstd.ZstdCompressor(options=_WIDE_OPTIONS)
WIDE = _WIDE.compress(b"{}") + _WIDE.flush()
"""Little inside, but whoever decompresses it has to hold a gigabyte ready."""


BAD_BODIES = {
    "another type": (b"{}", {"Content_Type": "text/csv"}, 415, "unsupported_media_type"),
    "another charset": (b"{}", {"Content_Type": "application/json; charset=utf-16"}, 415, "unsupported_media_type"),
    "another encoding": (b"{}", {"Content_Encoding": "br"}, 415, "unsupported_encoding"),
    "encoded twice": (b"{}", {"Content_Encoding": "gzip, gzip"}, 415, "unsupported_encoding"),
    "not compressed": (b"{}", {"Content_Encoding": "gzip"}, 400, "bad_encoding"),
    "cut short": (gzip.compress(b"{}")[:-4], {"Content_Encoding": "gzip"}, 400, "bad_encoding"),
    "two members": (gzip.compress(b"{}") * 2, {"Content_Encoding": "gzip"}, 400, "bad_encoding"),
    "many empty members": (gzip.compress(b"") * 100_000, {"Content_Encoding": "gzip"}, 400, "bad_encoding"),
    "zstd cut short": (zstd.compress(b"{}" * 50)[:-4], {"Content_Encoding": "zstd"}, 400, "bad_encoding"),
    "zstd that is none": (b"{}", {"Content_Encoding": "zstd"}, 400, "bad_encoding"),
    "two zstd frames": (zstd.compress(b"{}") * 2, {"Content_Encoding": "zstd"}, 400, "bad_encoding"),
    "zstd with a window of a gigabyte": (WIDE, {"Content_Encoding": "zstd"}, 400, "bad_encoding"),
    "zstd bomb": (zstd.compress(b" " * 50_000_000), {"Content_Encoding": "zstd"}, 413, "too_large"),
    "gzip bomb": (gzip.compress(b" " * 50_000_000), {"Content_Encoding": "gzip"}, 413, "too_large"),
    "deflate bomb": (zlib.compress(b" " * 50_000_000), {"Content_Encoding": "deflate"}, 413, "too_large"),
    "large body": (b" " * 5_500_001, {}, 413, "too_large"),
    "many events": (b"[" + b"1," * 5_000 + b"1]", {}, 413, "too_large"),
    "large event": (orjson.dumps(EVENT | {"properties": {"a": "x" * 32_768}}), {}, 413, "too_large"),
    "nothing": (b"", {}, 400, "invalid_events"),
    "deep list": (b"[" * 100_000, {}, 400, "undecodable"),
    "deep object": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, {}, 400, "invalid_events"),
    "byte order mark": (b"\xef\xbb\xbf{}", {}, 400, "invalid_events"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "status", "code"), BAD_BODIES.values(), ids=BAD_BODIES)
async def test_a_body_that_is_not_taken(ingest, body, headers, status, code) -> None:
    got, answer = await ingest.post(body, **headers)
    assert (got, answer["code"]) == (status, code)
    assert answer["status"] == status
    assert answer["detail"] == answer["message"] == answer["error"]
    assert ingest.metric("kenko_ingest_in_flight_bytes") == 0


async def test_a_chunked_body_is_cut_at_the_limit_too(ingest) -> None:
    async def endless():
        for _ in range(100):
            yield b" " * 100_000

    status, answer = await ingest.post(endless())
    assert (status, answer["code"]) == (413, "too_large")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
fields = st.sampled_from(["id", "account_id", "event", "time", "properties", "data", "subject", "type", "specversion"])
almost = st.dictionaries(fields, json_values, max_size=8).map(lambda changed: EVENT | changed)


@settings(
    max_examples=max(300, settings.default.max_examples), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.binary(max_size=400)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.lists(almost, max_size=4).map(lambda value: json.dumps(value).encode())
    | almost.map(lambda value: json.dumps(value).encode()),
    content_type=st.sampled_from(TYPES),
    encoding=st.sampled_from(["", "", "", "gzip", "deflate", "zstd"]),
)
async def test_no_body_whatever_makes_it_a_5xx(ingest, body, content_type, encoding) -> None:
    status, answer = await ingest.post(body, content_type, Content_Encoding=encoding)
    assert status in {200, 400, 413}
    assert answer["message"] if status != 200 else answer["accepted"] + answer["rejected"] >= 0


async def raw_exchange(port: int, *pieces: bytes) -> bytes:
    """What comes back on a bare connection until the other side closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(60):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


HEAD = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n".encode()
BAD_TALK = {
    "says nothing at all": (b"", b"408"),
    "headers that never end": (b"POST /v1/ev", b"408"),
    "a body that never ends": (HEAD + b"Content-Length: 10\r\n\r\n{", b"408"),
    "one header without an end": (HEAD + b"X-Long: " + b"x" * 40_000, b"431"),
    "many headers": (HEAD + b"X-A: aaaaaaaaaa\r\n" * 3_000 + b"\r\n", b"431"),
    "a path without measure": (b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"431"),
    "no HTTP": (b"\0\0\0\r\n\r\n", b"400"),
    "a negative length": (HEAD + b"Content-Length: -1\r\n\r\n", b"400"),
    "two lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[] ", b"400"),
    "a length, and chunks too": (HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
    "a length beyond the limit": (HEAD + b"Content-Length: 99999999999\r\n\r\n", b"413"),
    "a length that is no number": (HEAD + b"Content-Length: x\r\n\r\n", b"400"),
}


@pytest.mark.parametrize(("said", "status"), BAD_TALK.values(), ids=BAD_TALK)
async def test_a_connection_that_does_not_speak_properly_is_ended(start, said, status) -> None:
    async with start(ingest_read_timeout_s=0.3) as ingest:
        answer = await raw_exchange(ingest.port, said)
    assert answer.startswith(b"HTTP/1.1 " + status), answer[:200]


async def test_a_second_request_on_a_connection_is_guarded_like_the_first(start) -> None:
    async with start(ingest_read_timeout_s=0.3) as ingest:
        good = HEAD + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
        answer = await raw_exchange(ingest.port, good, b"POST /v1/ev")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in answer


async def test_after_an_early_answer_the_rest_of_the_body_is_read_only_for_a_moment(start) -> None:
    async with start() as ingest:
        answer = await raw_exchange(ingest.port, b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 401")


async def test_connections_beyond_the_limit_are_answered_and_closed(start) -> None:
    async with start(ingest_max_connections=2) as ingest:
        held = [await asyncio.open_connection("127.0.0.1", ingest.port) for _ in range(2)]
        answer = await raw_exchange(ingest.port)
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 5" in answer.lower()


async def test_idle_connections_are_ended_and_hold_nobody_up_for_long(start, until) -> None:
    """A9, in small: ten times as many connections as there may be, that say nothing."""
    async with start(ingest_max_connections=50, ingest_read_timeout_s=0.5) as ingest:
        idle = [await asyncio.open_connection("127.0.0.1", ingest.port) for _ in range(500)]
        answers = await asyncio.gather(*(reader.read() for reader, _ in idle))
        statuses = Counter(answer.split()[1] for answer in answers)
        assert set(statuses) == {b"408", b"503"}
        assert statuses[b"408"] >= 50
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()

        async def is_served() -> bool:
            return (await ingest.post(b"[]"))[0] == 200

        await until(is_served)


async def test_bodies_beyond_what_may_be_in_flight_wait_outside(start, until) -> None:
    release = asyncio.Event()

    class Slow:
        async def write(self, _records):
            await release.wait()

        def standing(self):
            raise AssertionError

    body = orjson.dumps([{**EVENT, "properties": {"a": "x" * 30_000}} for _ in range(100)])
    async with start(Slow(), ingest_max_in_flight_bytes=5_500_000) as ingest:
        first = asyncio.create_task(ingest.post(body))
        await until(lambda: ingest.metric("kenko_ingest_in_flight_bytes") == len(body))
        status, answer = await ingest.post(body)
        assert (status, answer["code"]) == (503, "overloaded")
        release.set()
        assert (await first)[0] == 200
        assert (await ingest.post(body))[0] == 200
        assert ingest.metric("kenko_ingest_in_flight_bytes") == 0
