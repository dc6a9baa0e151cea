"""The broker stops, dies, refuses dead letters (F5, F14)."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

import aiohttp
import pytest
from harness.servers import start

pytestmark = pytest.mark.timeout(900)

KEY = "a-key-for-the-tests-of-faults"
DEADLINE_S = 3.0
AWAY_S = 30.0


class Client:
    """An honest client of ingest: what is not answered with 2xx it sends again, with the same ids."""

    def __init__(self, url, load):
        self._url = url
        self._load = load
        self.answers = Counter()
        self.without_retry_after = 0
        self.longest_503_s = 0.0
        self._stopped = asyncio.Event()

    async def run(self):
        headers = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            while not self._stopped.is_set():
                events = self._load.events(20, moods=2)
                keep = {"id", "account_id", "user_id", "event", "time", "properties"}
                body = [json.loads(event.model_dump_json(include=keep)) for event in events]
                while not await self._post(session, body):
                    await asyncio.sleep(0.3)
                self._load.accepted += [event.id for event in events]
                await asyncio.sleep(0.1)

    async def _post(self, session, body):
        begun = time.monotonic()
        async with session.post(self._url, json=body) as response:
            await response.read()
        self.answers[response.status] += 1
        if response.status == 503:
            self.without_retry_after += "Retry-After" not in response.headers
            self.longest_503_s = max(self.longest_503_s, time.monotonic() - begun)
        return response.status == 200

    def stop(self):
        self._stopped.set()


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_f5_the_broker_goes_and_comes_back(scene, how):
    if not scene.broker.keeps:
        pytest.skip("the trial broker comes back empty: only Apache Kafka can show this")
    scene.scorer("scorer-0")
    scene.scorer("scorer-1")
    scene.alerter()
    ingest = scene.ingest(KENKO_INGEST_KEYS=KEY, KENKO_INGEST_PRODUCE_TIMEOUT_S=str(DEADLINE_S))
    await scene.all_ready()
    port = next(line["url"] for line in ingest.lines() if line["event"] == "ingest.listening")
    client = Client(f"{port}/v1/events", scene.load)
    posting = asyncio.create_task(client.run())
    await scene.moves_on()
    hit = await scene.behind()
    server = scene.broker.server
    away_s = AWAY_S if how == "stop" else 0.0
    try:
        await asyncio.to_thread(server.stop if how == "stop" else server.kill)
        await asyncio.sleep(away_s)  # the length is the fault's
    finally:
        await asyncio.to_thread(start, server)
    accepted, back = len(scene.load.accepted), time.monotonic()

    async def accepts() -> bool:
        return len(scene.load.accepted) > accepted

    await scene.until(accepts, "events accepted again")
    await scene.catches_up()
    recovery = time.monotonic() - back
    client.stop()
    await posting
    row = await scene.finish(
        "F5 the broker stops for 30 s" if how == "stop" else "F5 kill -9 of the broker",
        injected=1,
        hit=max(hit, client.answers[503]),
        recovery_s=recovery,
        note=f"{client.answers[503]} answers of 503, the longest after {client.longest_503_s:.1f} s, deadline {DEADLINE_S:.0f} s",
    )
    assert set(client.answers) <= {200, 503}, client.answers
    assert client.without_retry_after == 0
    assert how == "kill" or client.answers[503] > 0
    assert row.applied == row.accepted
