"""Generated bodies over HTTP: whatever is sent, the answer is one of the known ones, and no 5xx."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

FUZZ = Path(__file__).parents[2] / "scripts/fuzz"
COUNT = 20_000
SENDERS = 8
KEY = "a-key-for-the-tests-of-ingest"
_spec = importlib.util.spec_from_file_location("fuzz_bodies_over_http", FUZZ / "bodies.py")
bodies = sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bodies)


def sendable(text: str) -> str:
    """A header as a client's library lets it through."""
    return "".join(char for char in text if char.isprintable() and ord(char) < 256)


async def test_twenty_thousand_generated_bodies_are_answered_200_or_4xx(start) -> None:
    statuses: Counter[int] = Counter()
    numbers = iter(range(COUNT))

    async def send(ingest) -> None:
        base = ingest.url.removesuffix("/v1/events")
        for number in numbers:
            parts = bodies.request(4, number)
            headers = {name: sendable(value) for name, value in parts.headers.items()}
            headers |= {"X-API-Key": KEY, "Content-Type": sendable(parts.content_type) or "application/json"}
            url = f"{base}{parts.path}?{urlencode(parts.query)}"
            async with ingest.session.post(url, data=parts.body, headers=headers) as response:
                await response.read()
                statuses[response.status] += 1
                assert response.status in {200, 400, 413, 415}, f"request {number} of seed 4: {response.status}"

    async with start(ingest_events_per_second=1e9) as ingest, asyncio.TaskGroup() as senders:
        for _ in range(SENDERS):
            senders.create_task(send(ingest))
    assert statuses.total() == COUNT
    assert min(statuses[200], statuses[400]) > COUNT / 20
