"""`kenko bench accounts`: what an account costs in Redis, how many due ones are scored a second, and what a worker holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, NamedTuple

import orjson
import typer

from kenko.cli.bench.account_rows import Life, Size, bench_account, lives, longest
from kenko.cli.bench.filling import BenchState
from kenko.cli.bench.scorer_figures import ScorerFigures, scorer_figures
from kenko.cli.bench.step_bar import StepBar
from kenko.cli.examples import DEFAULT_MODEL
from kenko.cli.local_stack import LocalStack, StackOptions
from kenko.cli.model_file import read_model
from kenko.cli.say import foreseen
from kenko.runtime.clock import SystemClock
from kenko.runtime.errors import TransientError
from kenko.store.client import AnyRedis, connect

POLL_S: Final = 0.1
STALLED_S: Final = 60.0
_CLOCK: Final = SystemClock()


class Wave(NamedTuple):
    """What scoring all that was due took."""

    scored: int
    seconds: float
    cpu_s: float
    idle: ScorerFigures
    """Ready, and nothing scored yet."""
    full: ScorerFigures
    """When the working set had been filled twice over."""
    end: ScorerFigures


def bench_accounts(
    accounts: Annotated[int, typer.Option(help="Accounts in Redis; all of them are due at once.", min=100)] = 1_000_000,
    working_set_rows: Annotated[
        int, typer.Option(help="Rows that the scorer keeps in memory, over all partitions.", min=1_000)
    ] = 24_000,
) -> None:
    """Redis is filled with accounts, and a scorer in a process of its own finds all of them due.

    Prints one JSON line. Bytes are of Redis's memory an account: `redis_bytes` in all, and of these `ids_bytes` of recent
    ids, `map_bytes` and `history_bytes` inside the row, and `other_bytes`, the rest: what the budget is about. Memory of
    the worker is in millions of bytes: before the first account, with its working set full, and at the end.

    A few accounts are lived through by the engine, and many are given the same row: see docs/benchmarks.md.
    Runs on the servers that KENKO_KAFKA_URL and KENKO_REDIS_URL name, else on some of its own.
    """
    with foreseen(), TemporaryDirectory(prefix="kenko-bench-") as home:
        options = StackOptions(
            model=DEFAULT_MODEL,
            home=Path(home),
            private=True,
            environ={"KENKO_WORKING_SET_ROWS": str(working_set_rows)},
            services=("scorer",),
        )
        with StepBar() as bar, LocalStack(options) as stack:
            found = asyncio.run(_measure(stack, accounts, working_set_rows, bar))
        typer.echo(orjson.dumps(found).decode())


async def _measure(stack: LocalStack, accounts: int, working_set_rows: int, bar: StepBar) -> dict[str, Any]:
    settings, model, scorer = stack.settings(), read_model(DEFAULT_MODEL), stack.service("scorer")
    bar.step("living a few accounts through")
    now_ms = _CLOCK.now_ms()
    found = lives(model, now_ms=now_ms, due_ms=now_ms)
    async with connect(settings.redis_url.get_secret_value()) as client:
        state = BenchState(client, settings, model)
        await state.advance(longest(found))
        scorer.ask_to_stop()
        scorer.wait_stopped()
        before = await _used_memory(client)
        began_s = _CLOCK.monotonic()
        await state.fill(accounts, found, lambda done: bar.step("filling Redis", done))
        fill_s = _CLOCK.monotonic() - began_s
        redis_bytes = (await _used_memory(client) - before) / accounts
        ids_bytes = await _ids_bytes(client, state, found)
    scorer.start()
    wave = await _wave(stack, accounts, working_set_rows, bar)
    history_bytes, map_bytes = (
        _weighed(found, lambda life: life.history_bytes),
        _weighed(found, lambda life: life.map_bytes),
    )
    return {
        "bench": "accounts",
        "broker": "given" if "KENKO_KAFKA_URL" in stack.given else "embedded",
        "accounts": accounts,
        "fill_s": round(fill_s, 1),
        "redis_bytes": round(redis_bytes),
        "ids_bytes": round(ids_bytes),
        "map_bytes": round(map_bytes),
        "history_bytes": round(history_bytes),
        "other_bytes": round(redis_bytes - ids_bytes - map_bytes - history_bytes),
        "due_scored": wave.scored,
        "due_per_second": round(wave.scored / wave.seconds),
        "due_per_cpu_second": round(wave.scored / wave.cpu_s) if wave.cpu_s else None,
        "working_set_rows": working_set_rows,
        "rss_idle_mb": wave.idle.rss_mb,
        "rss_full_mb": wave.full.rss_mb,
        "rss_end_mb": wave.end.rss_mb,
    }


async def _wave(stack: LocalStack, accounts: int, working_set_rows: int, bar: StepBar) -> Wave:
    """Until every account has been scored. The clock runs from the last look before the first score.

    Raises:
        TransientError: there is no progress.
    """
    scorer = stack.service("scorer")
    idle = full = last = ScorerFigures(0, 0, 0.0, 0.0)
    began_s = moved_s = _CLOCK.monotonic()
    while last.evaluated < accounts:
        now_s = _CLOCK.monotonic()
        figures = scorer_figures(scorer) or last
        if figures.evaluated == 0:
            idle, began_s = figures, now_s
        if figures.evaluated > last.evaluated:
            moved_s = now_s
        if last.evaluated < 2 * working_set_rows:
            full = figures
        last = figures
        if now_s - moved_s > STALLED_S:
            raise TransientError(f"{last.evaluated:,} of {accounts:,} due accounts are scored, and no more come")
        bar.step("scoring what is due", last.evaluated / accounts)
        await asyncio.sleep(POLL_S)
    seconds = _CLOCK.monotonic() - POLL_S - began_s
    return Wave(last.evaluated, seconds, last.cpu_s - idle.cpu_s, idle, full, last)


async def _used_memory(client: AnyRedis) -> int:
    """Bytes, of one server."""
    return int((await client.info("memory"))["used_memory"])


async def _ids_bytes(client: AnyRedis, state: BenchState, found: list[tuple[Size, list[Life]]]) -> float:
    """Of recent ids an account, by Redis's own word on some hundreds, in which each life has its share."""
    looked_at = 100 * max(size.lives for size, _ in found)
    total = 0
    for number in range(looked_at):
        account_id = bench_account(number)
        key = state.keys[state.partition_of(account_id)].ids(account_id)
        total += int(await client.memory_usage(key, samples=0) or 0)
    # The newest ones stand in the row's own value.
    return total / looked_at + _weighed(found, lambda life: len(life.tail))


def _weighed(found: list[tuple[Size, list[Life]]], what: Callable[[Life], int]) -> float:
    """The mean of a number of lives over all accounts."""
    return sum(size.share / 100 * sum(map(what, its_lives)) / len(its_lives) for size, its_lives in found)
