"""Requests over a few connections kept open: as many as go, or so many a second."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from kenko.runtime.clock import SystemClock

OK: Final = b"HTTP/1.1 200"
_CLOCK: Final = SystemClock()


class Posted(NamedTuple):
    """What a run of requests took."""

    seconds: float
    latencies_s: list[float]
    """By request, from when it was due to its answer."""


def request(url: str, key: str, body: bytes) -> bytes:
    """The bytes of one POST, made before anything is measured."""
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nX-API-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def post_all(url: str, requests: Sequence[bytes], connections: int) -> Posted:
    """All of them, as fast as they are answered."""
    return await _post(url, requests, connections, None)


async def post_paced(url: str, requests: Sequence[bytes], connections: int, per_second: float) -> Posted:
    """So many a second, whether the earlier ones are answered or not; a latency counts from when a request was due."""
    return await _post(url, requests, connections, per_second)


async def _post(url: str, requests: Sequence[bytes], connections: int, per_second: float | None) -> Posted:
    parts = urlsplit(url)
    latencies: list[float] = []
    waiting = iter(enumerate(requests))
    started = _CLOCK.monotonic()

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            for number, raw in waiting:
                due = _CLOCK.monotonic() if per_second is None else started + number / per_second
                if (early_s := due - _CLOCK.monotonic()) > 0:
                    await asyncio.sleep(early_s)
                writer.write(raw)
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(_length(head))
                if not head.startswith(OK):
                    raise ConnectionError(f"ingest answered {head[:40]!r}: {body[:300]!r}")
                latencies.append(_CLOCK.monotonic() - due)
        finally:
            writer.close()

    await asyncio.gather(*(one_connection() for _ in range(connections)))
    return Posted(_CLOCK.monotonic() - started, latencies)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise ConnectionError("an answer without Content-Length")
