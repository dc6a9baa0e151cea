"""`kenko bench ingest`: events a second through the front door, beside a bare producer of the same records."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, NamedTuple

import orjson
import typer

from kenko.cli.bench.bare_producer import Sent, send_all
from kenko.cli.bench.cpu import cpu_seconds
from kenko.cli.bench.posting import Posted, post_all, post_paced, request
from kenko.cli.examples import DEFAULT_MODEL
from kenko.cli.local_stack import LocalStack, StackOptions
from kenko.cli.say import foreseen
from kenko.dialects.cloudevents import encode_event
from kenko.dialects.record import KafkaRecord
from kenko.runtime.clock import SystemClock
from schemas.base import from_ms
from schemas.usage_event import UsageEvent

A_BATCH: Final = 100
ACCOUNTS: Final = 5_000
WARM_UP: Final = 0.1
"""Share of the batches that are sent before anything is measured."""
CONNECTIONS: Final = 8
SINGLES_A_SECOND: Final = 500
_NAMES: Final = ("Report Exported", "Feature Used", "Session Ended", "Logged In", "Page Viewed")
_GUARDED: Final = {"KENKO_INGEST_EVENTS_PER_SECOND": "1e9"}
"""One key sends all of it: the limit that a key has is not what is measured."""


class Load(NamedTuple):
    """The same events twice: as requests for ingest, and as records for the bare producer."""

    requests: list[bytes]
    records: list[list[KafkaRecord]]


def bench_ingest(
    events: Annotated[int, typer.Option(help="Events in batches of 100.", min=10_000)] = 200_000,
    seconds: Annotated[float, typer.Option(help="How long single events are sent, 500 a second.", min=1)] = 10.0,
) -> None:
    """Ingest in a process of its own, one client of 8 connections, and then a bare aiokafka producer, on the same broker.

    Prints one JSON line. `ratio_to_bare_producer` compares events by second of the clock, `cpu_ratio_…` by second of
    processor time of the process that sends: where broker, client and ingest share few cores, that is the one to trust.

    Runs on the broker that KENKO_KAFKA_URL names, else on one of its own.
    """
    with foreseen(), TemporaryDirectory(prefix="kenko-bench-") as home:
        options = StackOptions(
            model=DEFAULT_MODEL, home=Path(home), private=True, environ=_GUARDED, services=("ingest",)
        )
        with LocalStack(options) as stack:
            typer.echo(orjson.dumps(asyncio.run(_measure(stack, events, seconds))).decode())


async def _measure(stack: LocalStack, events: int, seconds: float) -> dict[str, Any]:
    info = stack.info
    url = f"{info.ingest_url}/v1/events"
    service = stack.service("ingest")
    load = _load(url, info.key, events // A_BATCH)
    warm = int(len(load.requests) * WARM_UP)
    await post_all(url, load.requests[:warm], CONNECTIONS)
    cpu_before = cpu_seconds(service)
    posted = await post_all(url, load.requests[warm:], CONNECTIONS)
    cpu = cpu_seconds(service) - cpu_before
    settings = stack.settings()
    await send_all(settings, load.records[:warm], CONNECTIONS)
    sent = await send_all(settings, load.records[warm:], CONNECTIONS)
    measured = (len(load.requests) - warm) * A_BATCH
    singles = [request(url, info.key, _body([event])) for event in _events(int(seconds * SINGLES_A_SECOND), "single")]
    single = await post_paced(url, singles, CONNECTIONS * 8, SINGLES_A_SECOND)
    return {
        "bench": "ingest",
        "broker": "given" if "KENKO_KAFKA_URL" in stack.given else "embedded",
        "events": measured,
        **_compared(measured, posted, cpu, sent),
        "single_requests": len(singles),
        "single_rate": SINGLES_A_SECOND,
        **_percentiles(single),
    }


def _compared(events: int, posted: Posted, cpu: float, sent: Sent) -> dict[str, float]:
    return {
        "events_per_second": round(events / posted.seconds),
        "bare_producer_per_second": round(events / sent.seconds),
        "ratio_to_bare_producer": round(sent.seconds / posted.seconds, 3),
        "events_per_cpu_second": round(events / cpu),
        "bare_producer_per_cpu_second": round(events / sent.cpu_seconds),
        "cpu_ratio_to_bare_producer": round(sent.cpu_seconds / cpu, 3),
    }


def _percentiles(single: Posted) -> dict[str, float]:
    cuts = statistics.quantiles(single.latencies_s, n=100)
    return {"p50_ms": round(cuts[49] * 1000, 2), "p99_ms": round(cuts[98] * 1000, 2)}


def _load(url: str, key: str, batches: int) -> Load:
    events = _events(batches * A_BATCH, "batch")
    parts = [events[first : first + A_BATCH] for first in range(0, len(events), A_BATCH)]
    requests = [request(url, key, _body(part)) for part in parts]
    return Load(requests, [[encode_event(event) for event in part] for part in parts])


def _events(count: int, kind: str) -> list[UsageEvent]:
    now = from_ms(SystemClock().now_ms())
    return [
        UsageEvent(
            id=f"{kind}-{now.timestamp()}-{number}",
            source="bench",
            account_id=f"account-{number * 7919 % ACCOUNTS}",
            user_id=f"user-{number % 37}",
            event=_NAMES[number % len(_NAMES)],
            time=now - timedelta(milliseconds=number % 60_000),
            received_at=now,
            properties={"feature": f"f{number % 23}", "rows": number % 1000, "plan": "team"},
        )
        for number in range(count)
    ]


def _body(events: Sequence[UsageEvent]) -> bytes:
    items = [event.model_dump(mode="json", exclude={"received_at", "backfill"}) for event in events]
    return orjson.dumps(items)
