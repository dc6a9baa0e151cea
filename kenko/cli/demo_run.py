"""A demo on a running stack: replay, wait until all has arrived, read everything back, fold the same file offline."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.text import Text

from kenko.backtest.check import compare_alerts, compare_scores, zones_of
from kenko.backtest.event_source import EventSource
from kenko.backtest.live import LiveState
from kenko.backtest.plan import Step, plan
from kenko.backtest.replay import Pace
from kenko.backtest.run import Backtest, Judge, run
from kenko.cli.catch_up import until_delivered, until_scored
from kenko.cli.demo_report import DemoResult
from kenko.cli.local_stack import LocalStack
from kenko.cli.play import Played, Target, play
from kenko.cli.receiver import LocalReceiver
from kenko.cli.refusals import print_sent
from kenko.cli.replay_bar import ReplayBar
from kenko.cli.say import out
from kenko.dialects.times import MAX_AHEAD_MS
from kenko.model import HealthModel
from schemas.alert import AlertMessage, Notice
from schemas.transition import RuleKind

RECEIVER = "webhook"
WATCH_S = 0.5


@dataclass(frozen=True)
class DemoPlan:
    """What is played."""

    source: EventSource
    model: HealthModel
    pace: Pace
    receiver_port: int
    receiver_secret: str


async def run_demo(stack: LocalStack, demo: DemoPlan) -> DemoResult:
    """The demo, unless a service dies meanwhile: then that is the error."""
    work = asyncio.create_task(_demo(stack, demo))
    while not work.done():
        await asyncio.wait({work}, timeout=WATCH_S)
        try:
            stack.check()
        except BaseException:
            work.cancel()
            await asyncio.wait({work})
            raise
    return work.result()


async def _demo(stack: LocalStack, demo: DemoPlan) -> DemoResult:
    target = Target(stack.info.ingest_url, stack.info.key, stack.settings(), demo.model)
    async with (
        LocalReceiver(port=demo.receiver_port, secret=demo.receiver_secret, tell=_print_alert) as receiver,
        LiveState(target.settings, demo.model) as live,
    ):
        with ReplayBar(demo.source, demo.pace) as bar:
            played = await play(demo.source, target, demo.pace, bar)
        print_sent(played.sent)
        out.print("Waiting until all of it is scored …")
        await until_scored(live, played.ends)
        out.print("Folding the same file offline …")
        with out.status("") as status:
            backtest = await asyncio.to_thread(
                _fold,
                stack,
                demo,
                played,
                lambda number: status.update(f"{number:,} of {played.sent.accepted:,} events"),
            )
        notices = sum(item.told + item.end_told for item in backtest.alerts)
        await until_delivered(live, lambda: len(receiver.received.messages), notices)
        scores = await live.scores()
        histories = await live.alerts()
    differences = [
        *compare_scores(backtest.fold.scores(), scores),
        *compare_alerts(backtest.alerts, histories, receiver.received.times),
        *(f"the receiver refused: {text}" for text in receiver.received.refused),
        *(f"line {item.line} was accepted, but: {item.message}" for item in backtest.bad),
    ]
    return DemoResult(
        cursor_ms=played.progress.cursor_ms or demo.source.last_ms,
        whole=played.progress.events >= demo.source.count,
        events=played.sent.accepted,
        zones=zones_of(scores),
        histories=tuple(histories),
        counts=backtest.fold.counts,
        differences=tuple(differences),
        path=demo.source.path,
        model_path=stack.info.model,
        logs=stack.info.logs,
    )


def _fold(stack: LocalStack, demo: DemoPlan, played: Played, report: Callable[[int], None]) -> Backtest:
    policy = stack.alerter_settings().policy((RECEIVER,))
    judge = Judge(demo.model, stack.info.partitions, policy, played.not_after_ms - MAX_AHEAD_MS)
    return run(_steps(demo, played), judge, left_out=played.sent.rejected, report=report)


def _steps(demo: DemoPlan, played: Played) -> Iterator[Step]:
    """What was played: the plan as far as it came, and the ticks that ended it."""
    steps = plan(demo.source.events(), interval_ms=demo.pace.interval_ms, not_after_ms=played.not_after_ms)
    return itertools.chain(itertools.islice(steps, played.progress.steps), played.progress.closing)


def _print_alert(message: AlertMessage) -> None:
    if message.type is Notice.FIRING:
        alert = message.data
        colour = "blue" if alert.kind is RuleKind.EXPANSION else "red" if alert.kind is RuleKind.CHURN else "yellow"
        # In one piece: the progress bar is drawn again after every print.
        line = Text.assemble(("●", colour), f" {alert.opened_at:%Y-%m-%d %H:%M}  {alert.title}. {alert.reason}")
        out.print(line, soft_wrap=not out.is_terminal)
