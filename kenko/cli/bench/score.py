"""`kenko bench score`: events a second through the scorer, beside what it cannot be faster than, and beside stock Faust."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import orjson
import typer

from kenko.cli.bench.score_run import Result, ScorePlan, run_log
from kenko.cli.bench.step_bar import StepBar
from kenko.cli.examples import DEFAULT_MODEL
from kenko.cli.local_stack import LocalStack, StackOptions
from kenko.cli.model_file import read_model
from kenko.cli.say import fail, foreseen

TICKS: Final = (2_500, 100_000)
MOST_NAMED: Final = 10


def bench_score(
    events: Annotated[int, typer.Option(help="Events of each log.", min=1_000)] = 400_000,
    accounts: Annotated[
        int, typer.Option(help="Accounts they are drawn from, by a Zipf law (s = 1.1).", min=1)
    ] = 100_000,
    tick_every: Annotated[
        list[int] | None, typer.Option(help="Events between two ticks, a log for each; else 2500 and 100000.", min=1)
    ] = None,
    stock_events: Annotated[
        int, typer.Option(help="Events that stock Faust counts; 0: it is left out.", min=0)
    ] = 4_000,
    broker: Annotated[str, typer.Option(help="What the line calls the broker of KENKO_KAFKA_URL.")] = "given",
) -> None:
    """One scorer process over a log that is there already, on the default model, every commit included.

    Compared in the same run with a bare aiokafka consumer that validates the same records, and with stock Faust (an agent
    with a hopping-window table) on a small share of them. Prints one JSON line a log, and fails if what the scorer left in
    Redis is not what the fold makes of the log.

    Runs on the broker and the Redis that KENKO_KAFKA_URL and KENKO_REDIS_URL name, else on small ones of its own.
    """
    with foreseen(), TemporaryDirectory(prefix="kenko-bench-") as home:
        model = read_model(DEFAULT_MODEL)
        options = StackOptions(model=DEFAULT_MODEL, home=Path(home), time="log", private=True, services=())
        with LocalStack(options) as stack, StepBar() as bar:
            for every in tick_every or TICKS:
                plan = ScorePlan(events, accounts, every, stock_events, broker)
                tell(asyncio.run(run_log(stack, model, plan, bar)))


def tell(result: Result) -> None:
    """Print the line. A wrong result ends the command with an error: no figure counts then."""
    typer.echo(orjson.dumps(result.line).decode())
    if result.differences:
        fail("\n".join(["Redis is not what the fold makes of the log:", *result.differences[:MOST_NAMED]]))
