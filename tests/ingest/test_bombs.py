"""Abuse A7: a body that grows when it is unpacked costs no more than a plain one of the largest size."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib

import pytest
from backports import zstd
from starlette.requests import Request

from services.ingest.answers import Refusal
from services.ingest.budget import Budget
from services.ingest.request_body import read_request_body

LIMIT = 5_500_000
MB = 1_000_000
PIECE = 65_536

BOMBS = {
    "gzip": ("gzip", gzip.compress(b" " * 200 * MB), 413),
    "deflate": ("deflate", zlib.compress(b" " * 200 * MB), 413),
    "zstd": ("zstd", zstd.compress(b" " * 200 * MB), 413),
    "gzip in gzip": ("gzip", gzip.compress(gzip.compress(b" " * 200 * MB)), None),
    "a hundred thousand empty members": ("gzip", gzip.compress(b"") * 100_000, 400),
    "a hundred thousand empty frames": ("zstd", zstd.compress(b"") * 100_000, 400),
    "many members that each hold a megabyte": ("gzip", gzip.compress(b" " * MB) * 200, 400),
}


async def read(encoding: str, body: bytes, length: int | None = None) -> tuple[int | None, int]:
    """The status of the refusal, None if there is none; and how much of the body was asked for."""
    asked = 0

    async def receive():
        nonlocal asked
        piece, asked = body[asked : asked + PIECE], asked + PIECE
        return {"type": "http.request", "body": piece, "more_body": asked < len(body)}

    headers = [(b"content-encoding", encoding.encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}, receive)
    with Budget(100 * MB, int).open() as share:
        try:
            await read_request_body(request, max_bytes=LIMIT, timeout_s=60, share=share)
        except Refusal as refusal:
            return refusal.status, asked
    return None, asked


async def cpu(encoding: str, body: bytes) -> float:
    """The least of five, in seconds of this process."""
    took = []
    for _ in range(5):
        started = time.process_time()
        await read(encoding, body)
        took.append(time.process_time() - started)
    return min(took)


@pytest.mark.parametrize(("encoding", "bomb", "status"), BOMBS.values(), ids=BOMBS)
async def test_a7_a_bomb_is_refused_at_the_limit_and_holds_little(encoding, bomb, status) -> None:
    tracemalloc.start()
    try:
        assert (await read(encoding, bomb))[0] == status
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 10 * MB


@pytest.mark.parametrize(("encoding", "bomb", "_status"), BOMBS.values(), ids=BOMBS)
async def test_a7_a_bomb_costs_no_more_than_unpacking_a_body_of_the_largest_size(encoding, bomb, _status) -> None:
    honest = gzip.compress(b'{"id":"e1","account_id":"acme","event":"Seen"},' * (LIMIT // 50))
    assert await cpu(encoding, bomb) <= 4 * await cpu("gzip", honest)


async def test_a7_a_length_beyond_the_limit_is_refused_before_anything_is_read() -> None:
    assert await read("", b"{}", length=LIMIT + 1) == (413, 0)
    assert await read("gzip", b"{}", length=10**30) == (413, 0)


async def test_a7_a_length_that_is_too_small_is_not_believed() -> None:
    status, asked = await read("", b" " * 50 * MB, length=2)
    assert status == 413
    assert asked <= LIMIT + PIECE
