"""The process as it is started in earnest, against a broker that comes, dies and comes back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from kenko.dialects.cloudevents import decode_record
from kenko.embedded.ports import free_port
from kenko.runtime.settings import kafka_servers

KEY = "a-key-for-the-tests-of-ingest"
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
Until = Callable[..., Awaitable[None]]


@dataclass
class Process:
    """A running `python -m services.ingest`."""

    process: asyncio.subprocess.Process
    session: aiohttp.ClientSession
    url: str
    ops_url: str

    async def post(self, *ids: str) -> tuple[int, str | None]:
        body = orjson.dumps([{"id": name, "account_id": f"acme-{name}", "event": "Seen"} for name in ids])
        async with self.session.post(self.url, data=body, headers=HEADERS) as response:
            await response.read()
            return response.status, response.headers.get("Retry-After")

    async def probe(self, name: str) -> tuple[int, Any]:
        async with self.session.get(f"{self.ops_url}/health/{name}") as response:
            return response.status, await response.json()

    async def answers(self) -> bool:
        try:
            return (await self.probe("live"))[0] == 200
        except aiohttp.ClientError:
            return False

    async def is_ready(self) -> bool:
        return (await self.probe("ready"))[0] == 200

    async def is_not_ready(self) -> bool:
        return not await self.is_ready()

    async def stop(self) -> tuple[int, list[dict[str, Any]]]:
        """Exit code after SIGTERM, and what it logged."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = await asyncio.wait_for(self.process.communicate(), 60)
        return self.process.returncode or 0, [json.loads(line) for line in out.splitlines()]


@asynccontextmanager
async def ingest_process(environ: dict[str, str], until: Until) -> AsyncIterator[Process]:
    port, ops_port = free_port(), free_port()
    own = {
        "KENKO_INGEST_PORT": str(port),
        "KENKO_OPS_PORT": str(ops_port),
        "KENKO_INGEST_KEYS": KEY,
        "KENKO_INGEST_PRODUCE_TIMEOUT_S": "2",
        "KENKO_LOG_FORMAT": "json",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.ingest",
        env={**os.environ, **environ, **own},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with aiohttp.ClientSession() as session:
            running = Process(process, session, f"http://127.0.0.1:{port}/v1/events", f"http://127.0.0.1:{ops_port}")
            await until(running.answers, "ingest did not start")
            yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ids_in_kafka(kafka_url: str, prefix: str, partitions: int = 12) -> list[str]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_servers(kafka_url), auto_offset_reset="earliest")
    await consumer.start()
    try:
        topic = f"{prefix}kenko.usage-events.v1"
        consumer.assign([TopicPartition(topic, number) for number in range(partitions)])
        await consumer.seek_to_beginning()
        found = []
        while batch := await consumer.getmany(timeout_ms=500):
            for record in (record for records in batch.values() for record in records):
                event = decode_record(record.key, record.value, record.headers, record.timestamp)
                found.append(event.id)
        return found
    finally:
        await consumer.stop()


async def test_accepted_events_are_in_kafka_and_sigterm_ends_it_with_0(backend, until) -> None:
    fresh = backend.fresh()
    async with ingest_process(fresh.environ(), until) as ingest:
        await until(ingest.is_ready)
        assert await ingest.post("a", "b") == (200, None)
        async with ingest.session.get(f"{ingest.ops_url}/metrics") as response:
            metrics = await response.text()
        assert 'kenko_ingest_events_total{dialect="plain",outcome="accepted",reason=""} 2.0' in metrics
        assert 'kenko_ingest_requests_total{code="503"} 0.0' in metrics
        code, log = await ingest.stop()
    assert code == 0
    assert [line["event"] for line in log][-1] == "ingest.stopped"
    assert KEY not in str(log)
    assert sorted(await ids_in_kafka(fresh.kafka_url, fresh.settings["KENKO_TOPIC_PREFIX"])) == ["a", "b"]


async def test_requests_under_way_are_finished_before_it_ends(backend, until) -> None:
    fresh = backend.fresh()
    async with ingest_process(fresh.environ() | {"KENKO_INGEST_LINGER_MS": "1000"}, until) as ingest:
        await until(ingest.is_ready)
        under_way = asyncio.create_task(ingest.post("a"))

        async def arrived() -> bool:
            async with ingest.session.get(f"{ingest.ops_url}/metrics") as response:
                return "kenko_ingest_in_flight_bytes 0.0" not in await response.text()

        await until(arrived)
        code, _ = await ingest.stop()
        assert await under_way == (200, None)
    assert code == 0
    assert await ids_in_kafka(fresh.kafka_url, fresh.settings["KENKO_TOPIC_PREFIX"]) == ["a"]


async def test_it_starts_without_kafka_and_refuses_in_time(until) -> None:
    environ = {"KENKO_KAFKA_URL": f"kafka://127.0.0.1:{free_port()}"}
    async with ingest_process(environ, until) as ingest:
        assert await ingest.post("a") == (503, "5")
        status, answer = await ingest.probe("ready")
        assert status == 503
        assert "Kafka" in answer["checks"]["kafka"]["reason"]
        code, _ = await ingest.stop()
    assert code == 0


async def test_a_broker_that_dies_and_comes_back_loses_nothing_that_was_accepted(fresh_backend, until) -> None:
    if not fresh_backend.embedded:
        pytest.skip("the given broker is not ours to kill")
    broker = fresh_backend.stack.broker
    async with ingest_process(fresh_backend.environ(), until) as ingest:
        await until(ingest.is_ready)
        assert await ingest.post("before") == (200, None)
        assert await ids_in_kafka(fresh_backend.kafka_url, "") == ["before"]
        broker.kill()
        assert await ingest.post("while away") == (503, "5")
        await until(ingest.is_not_ready)
        assert (await ingest.post("still away"))[0] == 503
        broker.start()
        await until(ingest.is_ready)
        assert await ingest.post("after") == (200, None)
        # This broker keeps nothing over a restart: what is there now was accepted after it.
        assert "after" in await ids_in_kafka(fresh_backend.kafka_url, "")
        code, _ = await ingest.stop()
    assert code == 0


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, "KENKO_INGEST_KEYS is empty"),
        ({"KENKO_INGEST_KEYS": "short"}, "fewer than 16 characters"),
        ({"KENKO_INGEST_KEYS": KEY, "KENKO_INGEST_PORT": "http"}, "KENKO_INGEST_PORT=http"),
    ],
)
async def test_settings_that_cannot_work_end_it_with_2_and_say_what_to_do(environ, names) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KENKO_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.ingest", env=clean | environ, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert names in errors.decode()
    assert "Traceback" not in errors.decode()
    assert KEY not in errors.decode()
