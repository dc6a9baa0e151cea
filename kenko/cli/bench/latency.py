"""`kenko bench latency`: from an accepted event to its alert at the receiver, beside a bare trip through the broker."""

from __future__ import annotations

import asyncio
import base64
import secrets
import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, NamedTuple

import orjson
import typer

from kenko.cli.bench.bare_trip import bare_trips_s, make_bare_topic
from kenko.cli.bench.falling import FallingLoad, make_load, model_without_hold
from kenko.cli.bench.paced import Paced, new_producer, send_at_once, send_paced
from kenko.cli.bench.step_bar import StepBar
from kenko.cli.local_stack import LocalStack, StackOptions
from kenko.cli.model_file import read_model
from kenko.cli.receiver import LocalReceiver, url_of
from kenko.cli.say import EXIT_FAILED, foreseen
from kenko.embedded.ports import free_port
from kenko.runtime.clock import SystemClock
from kenko.runtime.errors import TransientError
from kenko.store.client import connect
from kenko.store.keys import model_part
from kenko.store.reader import StateReader
from schemas.alert import AlertMessage, Notice
from schemas.base import to_ms
from schemas.topics import Topic
from schemas.transition import ZONE_RULE

WARM_S: Final = 3
"""Seconds of steady use before the first fall."""
HEALTHY: Final = 50.0
"""A score well above red, in points."""
STALLED_S: Final = 30.0
"""No alert for this long: those that are missing do not come any more."""
POLL_S: Final = 0.05
_CLOCK: Final = SystemClock()


class Arrivals:
    """When alerts of the red zone came."""

    def __init__(self) -> None:
        self.at_s: dict[str, float] = {}
        """By account, seconds of the monotonic clock."""
        self.after_tick_ms: list[int] = []
        """From the tick that found it, by the wall clock."""
        self.last_s = 0.0
        """When anything came."""

    def note(self, message: AlertMessage) -> None:
        self.last_s = now_s = _CLOCK.monotonic()
        if message.type is Notice.FIRING and message.data.rule == ZONE_RULE:
            self.at_s[message.data.account_id] = now_s
            self.after_tick_ms.append(_CLOCK.now_ms() - to_ms(message.data.opened_at))


class Run(NamedTuple):
    """What is played where."""

    stack: LocalStack
    arrivals: Arrivals
    load: FallingLoad
    rate: int
    tick_ms: int
    bar: StepBar


def bench_latency(
    rate: Annotated[
        int, typer.Option(help="Events a second; one in a hundred takes an account into red.", min=100)
    ] = 5_000,
    seconds: Annotated[int, typer.Option(help="How long alerts are measured, in seconds.", min=1)] = 20,
    tick_ms: Annotated[int, typer.Option(help="Milliseconds between ticks.", min=10, max=60_000)] = 500,
    accounts: Annotated[int, typer.Option(help="Accounts of the steady use.", min=1)] = 10_000,
) -> None:
    """A scorer and an alerter in processes of their own, a webhook receiver in this one, and a steady stream of events.

    Prints one JSON line. `p99_ms` counts from Kafka's acknowledgement of the event that takes an account into red until
    the receiver has the alert; `over_tick_ms` is that without the tick it waits for. `bare_p99_ms` is the trip of the same
    events from a bare producer to a bare consumer. Exits with 1 if an alert is missing.

    Runs on the broker that KENKO_KAFKA_URL names, else on one of its own.
    """
    with foreseen(), TemporaryDirectory(prefix="kenko-bench-") as home:
        model = Path(home) / "model.yaml"
        model.write_text(model_without_hold(), encoding="utf-8")
        port, secret = free_port(), "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        environ = {
            "KENKO_WEBHOOK_URL": url_of(port),
            "KENKO_WEBHOOK_SECRET": secret,
            "KENKO_DANGEROUS_ALLOW_PRIVATE_RECEIVERS": "true",
            "KENKO_TICK_INTERVAL_MS": str(tick_ms),
        }
        options = StackOptions(
            model=model, home=Path(home), private=True, environ=environ, services=("scorer", "alerter")
        )
        arrivals = Arrivals()
        receiver = LocalReceiver(port=port, secret=secret, tell=arrivals.note)
        with StepBar() as bar, LocalStack(options) as stack:
            load = make_load(events=rate * seconds, warm=rate * WARM_S, accounts=accounts, now_ms=_CLOCK.now_ms())
            found = asyncio.run(_measure(Run(stack, arrivals, load, rate, tick_ms, bar), receiver))
        typer.echo(orjson.dumps(found).decode())
        if found["missing"]:
            raise typer.Exit(EXIT_FAILED)


async def _measure(run: Run, receiver: LocalReceiver) -> dict[str, Any]:
    stack, arrivals, load, rate, tick_ms, bar = run
    settings = stack.settings()
    producer = new_producer(settings)
    await make_bare_topic(settings)
    async with receiver:
        await producer.start()
        try:
            paced = await _play(run, producer)
        finally:
            await producer.stop()
    trips_s = await bare_trips_s(settings, load.measured, rate, partial(bar.step, "the same events, bare"))
    found = [(accepted_s, arrivals.at_s.get(key.decode())) for key, accepted_s in paced.accepted_s.items()]
    alerts_ms = [(at_s - accepted_s) * 1000 for accepted_s, at_s in found if at_s is not None]
    p99_ms = percentile(alerts_ms, 99)
    return {
        "bench": "latency",
        "broker": "given" if "KENKO_KAFKA_URL" in stack.given else "embedded",
        "events": len(load.measured),
        "rate": round(len(load.measured) / paced.seconds),
        "tick_ms": tick_ms,
        "alerts": len(alerts_ms),
        "missing": load.falls - len(alerts_ms),
        "p50_ms": percentile(alerts_ms, 50),
        "p99_ms": p99_ms,
        "over_tick_ms": round(p99_ms - tick_ms, 1),
        "after_tick_p50_ms": percentile(arrivals.after_tick_ms, 50),
        "after_tick_p99_ms": percentile(arrivals.after_tick_ms, 99),
        "bare_p50_ms": percentile([trip_s * 1000 for trip_s in trips_s], 50),
        "bare_p99_ms": percentile([trip_s * 1000 for trip_s in trips_s], 99),
    }


async def _play(run: Run, producer: Any) -> Paced:
    stack, arrivals, load, rate, _, bar = run
    settings = stack.settings()
    topic = settings.topic(Topic.USAGE_EVENTS)
    await send_at_once(producer, topic, load.past)
    await _until_healthy(stack, load.falls, bar)
    await send_paced(producer, topic, load.warm, rate, partial(bar.step, "warming up"))
    paced = await send_paced(producer, topic, load.measured, rate, partial(bar.step, "events and alerts"))
    arrivals.last_s = _CLOCK.monotonic()
    while len(arrivals.at_s) < load.falls and _CLOCK.monotonic() - arrivals.last_s < STALLED_S:
        stack.check()
        bar.step("waiting for the last alerts", len(arrivals.at_s) / load.falls)
        await asyncio.sleep(POLL_S)
    return paced


async def _until_healthy(stack: LocalStack, falls: int, bar: StepBar) -> None:
    """Wait until each account that will fall has its score.

    Raises:
        TransientError: there is no progress.
    """
    model = read_model(stack.info.model)
    settings = stack.settings()
    async with connect(settings.redis_url.get_secret_value()) as client:
        name = model_part(model.name, model.state_hash)
        reader = StateReader(client, model=name, partitions=settings.partitions, prefix=settings.redis_prefix)
        most, moved_s = 0, _CLOCK.monotonic()
        while most < falls:
            stack.check()
            scored = [1 async for account_id, score in reader.all_scores() if score is not None and score >= HEALTHY]
            if len(scored) > most:
                most, moved_s = len(scored), _CLOCK.monotonic()
            if _CLOCK.monotonic() - moved_s > STALLED_S:
                raise TransientError(
                    f"{most:,} of {falls:,} accounts are scored, and none in the last {STALLED_S:.0f} s"
                )
            bar.step("scoring the past", most / falls)
            await asyncio.sleep(POLL_S)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many in a hundred do not exceed; 0 where there are none."""
    if len(values) < 2:
        return round(sum(values), 1)
    return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1], 1)
