"""`kenko demo`: the whole pipeline on this machine, over a file, checked against the offline fold."""

from __future__ import annotations

import asyncio
import base64
import secrets
from pathlib import Path
from typing import Annotated

import typer

from kenko.backtest.event_source import open_source
from kenko.backtest.replay import Pace
from kenko.cli.demo_report import DemoResult, judge, print_result, print_what_next
from kenko.cli.demo_run import DemoPlan, run_demo
from kenko.cli.durations import read_duration, read_speed
from kenko.cli.examples import CRM_EVENTS, CRM_MODEL
from kenko.cli.local_stack import LocalStack, StackOptions
from kenko.cli.model_file import read_model
from kenko.cli.receiver import url_of
from kenko.cli.refusals import print_source
from kenko.cli.say import EXIT_FAILED, EXIT_STOPPED, fail, foreseen, out
from kenko.cli.signals import Stopped, stops
from kenko.embedded.ports import free_port

FIT_S = 75.0
"""A file is played in about this time, if the machine keeps up."""
MAX_TICKS = 1_500
"""Ticks in a demo, about: each is written to every partition."""


def demo(
    *,
    events: Annotated[Path | None, typer.Option(envvar="EVENTS", help="Events; default: the CRM sample.")] = None,
    model: Annotated[Path, typer.Option(envvar="MODEL", help="Health model.")] = CRM_MODEL,
    seconds: Annotated[float | None, typer.Option(envvar="DEMO_SECONDS", min=1, help="Time for the replay.")] = None,
    speed: Annotated[str | None, typer.Option(help="Event time per wall time, or max.")] = None,
    tick: Annotated[str | None, typer.Option(help="Event time between two ticks; default: fits the file.")] = None,
) -> None:
    """Start everything here, replay a year of a sample, print each red-zone alert as it arrives, and check the result.

    Exit code 0: every score and every alert is what the offline fold says. For the sample also: three alerts or more, one of
    them caused by silence.
    """
    interval_ms = None if tick is None else read_duration(tick)
    pace_speed = None if speed is None else read_speed(speed)
    try:
        with foreseen(), stops():
            result = _demo(events, model, seconds, interval_ms, pace_speed, given_speed=speed is not None)
    except Stopped:
        out.print("Stopped.")
        raise typer.Exit(EXIT_STOPPED) from None
    print_result(result)
    complaints = judge(result, sample=events is None)
    if complaints:
        fail("\n".join(complaints), code=EXIT_FAILED)
    if seconds is None:
        print_what_next(result)


def _demo(
    events: Path | None,
    model_path: Path,
    seconds: float | None,
    interval_ms: int | None,
    speed: float | None,
    *,
    given_speed: bool,
) -> DemoResult:
    model = read_model(model_path)
    path = CRM_EVENTS if events is None else events
    source = open_source(path)
    print_source(source)
    span_ms = max(source.last_ms - source.first_ms, 1)
    if not given_speed:
        # Without a time limit as with one: the file is to fit, and a slower machine takes longer or is cut off.
        fit_s = min(FIT_S, 0.85 * seconds) if seconds is not None else FIT_S
        speed = span_ms / 1000 / fit_s
    pace = Pace(interval_ms=interval_ms or _interval(span_ms), speed=speed, stop_after_s=seconds)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    port = free_port()
    environ = {
        "KENKO_WEBHOOK_URL": url_of(port),
        "KENKO_WEBHOOK_SECRET": secret,
        "KENKO_SLACK_WEBHOOK_URL": "",
        # The receiver stands on this machine; a real one must not.
        "KENKO_DANGEROUS_ALLOW_PRIVATE_RECEIVERS": "true",
    }
    out.print("Starting broker, Redis, ingest, scorer and alerter …")
    with LocalStack(StackOptions(model=model_path, time="log", environ=environ, private=True)) as stack:
        out.print(f"Logs: {stack.info.logs}", markup=False, soft_wrap=True)
        if stack.info.topic_prefix:
            out.print(f"On your own servers: topics and keys begin with {stack.info.redis_prefix}. They stay there.")
        return asyncio.run(run_demo(stack, DemoPlan(source, model, pace, port, secret)))


def _interval(span_ms: int) -> int:
    """The shortest usual interval that gives no more than `MAX_TICKS`."""
    usual = [read_duration(text) for text in ("1m", "5m", "15m", "1h", "3h", "6h", "12h", "1d")]
    return next((ms for ms in usual if span_ms / ms <= MAX_TICKS), usual[-1])
