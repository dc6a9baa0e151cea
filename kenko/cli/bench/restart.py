"""`kenko bench restart`: from the start of a scorer that was killed to its first score, with many accounts in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, NamedTuple

import orjson
import typer

from kenko.cli.bench.account_rows import bench_account, lives, longest
from kenko.cli.bench.filling import BenchState
from kenko.cli.bench.paced import new_producer
from kenko.cli.bench.scorer_figures import scorer_figures
from kenko.cli.bench.step_bar import StepBar
from kenko.cli.examples import DEFAULT_MODEL
from kenko.cli.local_stack import LocalStack, StackOptions
from kenko.cli.model_file import read_model
from kenko.cli.say import foreseen
from kenko.dialects.cloudevents import encode_event
from kenko.dialects.record import KafkaRecord
from kenko.model.limits import DAY_MS
from kenko.runtime.clock import SystemClock
from kenko.runtime.errors import TransientError
from kenko.store.client import connect
from schemas.base import from_ms
from schemas.topics import Topic
from schemas.usage_event import UsageEvent

POLL_S: Final = 0.05
LOADED_S: Final = 3.0
"""How long the scorer works before it is killed."""
STALLED_S: Final = 120.0
_INSTANCE: Final = {"KENKO_GROUP_INSTANCE_ID": "bench"}
"""As a pod of a stateful set has its name: Kafka gives a member that is back its partitions at once."""
_CLOCK: Final = SystemClock()


class Started(NamedTuple):
    """Seconds from the start of the process."""

    ready_s: float
    """Until its probe says that it stands at its fences."""
    first_score_s: float
    """Until a score is committed."""


def bench_restart(
    accounts: Annotated[int, typer.Option(help="Accounts in Redis.", min=100)] = 1_000_000,
    rate: Annotated[int, typer.Option(help="Events a second meanwhile.", min=10)] = 1_000,
) -> None:
    """A scorer under load is ended with SIGKILL and started again: first with an empty Redis, then with many accounts.

    Prints one JSON line. `first_score_s` counts from the start of the new process to its first committed score, `ready_s`
    to its readiness; `empty_…` are the same with an empty Redis.

    Runs on the servers that KENKO_KAFKA_URL and KENKO_REDIS_URL name, else on some of its own.
    """
    with foreseen(), TemporaryDirectory(prefix="kenko-bench-") as home:
        options = StackOptions(
            model=DEFAULT_MODEL, home=Path(home), private=True, environ=_INSTANCE, services=("scorer",)
        )
        with StepBar() as bar, LocalStack(options) as stack:
            found = asyncio.run(_measure(stack, accounts, rate, bar))
        typer.echo(orjson.dumps(found).decode())


async def _measure(stack: LocalStack, accounts: int, rate: int, bar: StepBar) -> dict[str, Any]:
    settings, model, scorer = stack.settings(), read_model(DEFAULT_MODEL), stack.service("scorer")
    bar.step("living a few accounts through")
    now_ms = _CLOCK.now_ms()
    found = lives(model, now_ms=now_ms, due_ms=now_ms + DAY_MS)
    async with connect(settings.redis_url.get_secret_value()) as client:
        state = BenchState(client, settings, model)
        await state.advance(longest(found))
        bar.step("starting on an empty Redis")
        empty = await _killed_and_started(stack, rate, (f"early-{number}" for number in _spread(accounts)))
        scorer.kill()
        await state.fill(accounts, found, lambda done: bar.step("filling Redis", done))
    scorer.start()
    bar.step(f"starting on {accounts:,} accounts")
    started = await _killed_and_started(stack, rate, (bench_account(number) for number in _spread(accounts)))
    return {
        "bench": "restart",
        "broker": "given" if "KENKO_KAFKA_URL" in stack.given else "embedded",
        "accounts": accounts,
        "rate": rate,
        "ready_s": round(started.ready_s, 2),
        "first_score_s": round(started.first_score_s, 2),
        "empty_ready_s": round(empty.ready_s, 2),
        "empty_first_score_s": round(empty.first_score_s, 2),
        "ratio_to_empty": round(started.first_score_s / empty.first_score_s, 3),
    }


async def _killed_and_started(stack: LocalStack, rate: int, account_ids: Iterator[str]) -> Started:
    """Events of these accounts go on all the time."""
    scorer = stack.service("scorer")
    async with _load(stack, rate, account_ids):
        await _first_score(stack)
        await asyncio.sleep(LOADED_S)
        scorer.kill()
        scorer.start()
        return await _first_score(stack)


async def _first_score(stack: LocalStack) -> Started:
    """Of the process that runs now, which has just been started.

    Raises:
        TransientError: none comes.
    """
    scorer = stack.service("scorer")
    began_s = _CLOCK.monotonic()
    ready_s = None
    while (now_s := _CLOCK.monotonic() - began_s) < STALLED_S:
        figures = await asyncio.to_thread(scorer_figures, scorer)
        if ready_s is None and figures is not None and await asyncio.to_thread(scorer.ready):
            ready_s = now_s
        if figures is not None and figures.evaluated and figures.rows_written:
            return Started(now_s if ready_s is None else ready_s, now_s)
        await asyncio.sleep(POLL_S)
    raise TransientError(f"the scorer has scored nothing within {STALLED_S:.0f} s of its start")


@asynccontextmanager
async def _load(stack: LocalStack, rate: int, account_ids: Iterator[str]) -> AsyncIterator[None]:
    """Send events for as long as the block lasts."""
    settings = stack.settings()
    producer = new_producer(settings)
    await producer.start()
    sending = asyncio.create_task(_send(producer, settings.topic(Topic.USAGE_EVENTS), rate, account_ids))
    try:
        yield
        if sending.done():
            sending.result()
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await producer.stop()


async def _send(producer: Any, topic: str, rate: int, account_ids: Iterator[str]) -> None:
    records = _records(account_ids)
    began_s = _CLOCK.monotonic()
    for sent in count():
        record = next(records)
        await producer.send(topic, record.value, key=record.key, headers=record.headers)
        if (early_s := began_s + sent / rate - _CLOCK.monotonic()) > POLL_S / 5:
            await asyncio.sleep(early_s)


def _spread(accounts: int) -> Iterator[int]:
    """All numbers of accounts, far from each other, again and again."""
    return (number * 7919 % accounts for number in count())


def _records(account_ids: Iterator[str]) -> Iterator[KafkaRecord]:
    for number, account_id in enumerate(account_ids):
        yield encode_event(
            UsageEvent(
                id=f"restart-{number}",
                source="bench",
                account_id=account_id,
                user_id=f"user-{number % 8}",
                event="Feature Used",
                time=from_ms(_CLOCK.now_ms()),
                properties={"feature": "reports"},
            )
        )
