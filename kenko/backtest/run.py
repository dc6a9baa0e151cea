"""Run a plan through the offline fold."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field

from kenko.alerting.policy import AlertPolicy
from kenko.backtest.event_file import BadLine, FileEvent
from kenko.backtest.expected import AlertExpectation, ExpectedAlert
from kenko.backtest.fold import OfflineFold
from kenko.backtest.plan import Step, TickAll
from kenko.dialects import plain
from kenko.dialects.problems import FieldError
from kenko.dialects.times import Received
from kenko.model import HealthModel
from schemas.base import from_ms
from schemas.transition import Transition
from schemas.usage_event import UsageEvent

REPORT_EVERY = 2_000


@dataclass
class Backtest:
    """What came of it."""

    fold: OfflineFold
    events: int = 0
    bad: list[BadLine] = field(default_factory=list)
    """Events that ingest would refuse, with what it would say."""
    transitions: list[Transition] = field(default_factory=list)
    alerts: list[ExpectedAlert] = field(default_factory=list)


@dataclass(frozen=True)
class Judge:
    """What the fold is run with."""

    model: HealthModel
    partitions: int
    policy: AlertPolicy
    received_ms: int
    """Wall time at which the events count as received: it decides which of them are in the future."""


def run(
    steps: Iterable[Step],
    judge: Judge,
    *,
    left_out: Container[int] = frozenset(),
    report: Callable[[int], None] | None = None,
) -> Backtest:
    """Fold the steps in order.

    Args:
        steps: of a plan, with the ticks that end it.
        judge: model, partitions, alert policy.
        left_out: lines of the file that ingest did not accept.
        report: called with the number of events so far, now and then.
    """
    backtest = Backtest(OfflineFold(judge.model, partitions=judge.partitions))
    expectation = AlertExpectation(judge.policy)
    for step in steps:
        if isinstance(step, TickAll):
            for transition in backtest.fold.tick(step.time_ms):
                backtest.transitions.append(transition)
                expectation.follow(transition)
            continue
        for item in step.events:
            if item.line in left_out:
                continue
            event = read_file_event(item, judge.received_ms)
            if isinstance(event, BadLine):
                backtest.bad.append(event)
                continue
            backtest.fold.apply(event)
            backtest.events += 1
            if report is not None and backtest.events % REPORT_EVERY == 0:
                report(backtest.events)
    backtest.alerts = expectation.alerts
    return backtest


def read_file_event(item: FileEvent, received_ms: int) -> UsageEvent | BadLine:
    """As ingest reads it, if it had received it at that time."""
    try:
        return plain.read_event(item.body, Received(from_ms(received_ms), received_ms))
    except FieldError as error:
        return BadLine(item.line, str(error))
