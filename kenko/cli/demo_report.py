"""The end of a demo: what came of it, and whether it is right."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from kenko.alerting.record import AlertHistory, DeliveryStatus
from kenko.cli.say import count_of, out
from schemas.alert import Alert, Notice
from schemas.base import from_ms
from schemas.transition import Cause

LEAST_ALERTS = 3
SILENCE = timedelta(days=3)
"""Without any event for this long an account counts as silent."""
SHOWN = 40


@dataclass(frozen=True)
class DemoResult:
    """What came of a demo."""

    cursor_ms: int
    """Event time the replay reached."""
    whole: bool
    """The file was played to its end."""
    events: int
    zones: Counter[str]
    histories: tuple[AlertHistory, ...]
    counts: Counter[str]
    """Records by outcome, of the offline fold."""
    differences: tuple[str, ...]
    path: Path
    model_path: Path
    logs: Path

    def latencies_ms(self) -> list[int]:
        """From a transition's Kafka record to the delivery of its alert, sorted."""
        return sorted(
            delivery.latency_ms
            for history in self.histories
            for delivery in history.deliveries
            if delivery.notice is Notice.FIRING
            and delivery.status is DeliveryStatus.DELIVERED
            and delivery.latency_ms is not None
        )

    @property
    def delivered(self) -> list[AlertHistory]:
        """Alerts whose firing reached the receiver."""
        return [
            history
            for history in self.histories
            if any(d.notice is Notice.FIRING and d.status is DeliveryStatus.DELIVERED for d in history.deliveries)
        ]

    @property
    def silent(self) -> list[AlertHistory]:
        """Those that passing time caused, of accounts from which nothing had come for days."""
        return [history for history in self.delivered if _is_silence(history.alert)]


def judge(result: DemoResult, *, sample: bool) -> list[str]:
    """Why the demo fails; empty if it does not. For a file of one's own the check alone decides."""
    complaints = []
    if result.differences:
        complaints.append(f"The check failed: {count_of(len(result.differences), 'difference')}. Logs: {result.logs}")
    if sample and len(result.delivered) < LEAST_ALERTS:
        complaints.append(f"The sample must give at least {LEAST_ALERTS} red-zone alerts, not {len(result.delivered)}.")
    if sample and not result.silent:
        complaints.append("The sample must give an alert that is caused by silence.")
    return complaints


def print_result(result: DemoResult) -> None:
    """Accounts by zone, alerts, latency, and the check."""
    cursor = from_ms(result.cursor_ms).strftime("%Y-%m-%d %H:%M UTC")
    part = "all of the file" if result.whole else "a part of the file"
    rows = [
        ("replayed", f"{count_of(result.events, 'event')} up to {cursor}, {part}"),
        ("accounts", ", ".join(f"{number} {zone}" for zone, number in sorted(result.zones.items())) or "none"),
        ("alerts", _alerts(result)),
    ]
    latencies = result.latencies_ms()
    if latencies:
        text = f"p50 {_quantile(latencies, 50)} ms, p99 {_quantile(latencies, 99)} ms, from transition to delivery"
        rows.append(("latency", text))
    wrong = f"{count_of(len(result.differences), 'difference')} from the offline fold of the file"
    right = "every score and every alert is what the offline fold of the file says"
    rows.append(("check", wrong if result.differences else right))
    out.print()
    for name, text in rows:
        out.print(f"  {name:<10}{text}", markup=False, soft_wrap=True)
    for line in result.differences[:SHOWN]:
        out.print(f"    {line}", markup=False, soft_wrap=True)
    if len(result.differences) > SHOWN:
        out.print(f"    and {len(result.differences) - SHOWN:,} more")


def print_what_next(result: DemoResult) -> None:
    """Where to look further."""
    account = result.delivered[0].account_id if result.delivered else "ACCOUNT"
    out.print()
    for line in (
        "Where to go from here:",
        f"  kenko explain {account} --events {_short(result.path)} --model {_short(result.model_path)}",
        "      one account's score, every contribution to it, and what changed",
        "  make up",
        "      the same services, kept running: send your own events with curl",
        "  EVENTS=your-events.csv MODEL=your-model.yaml make demo",
        "      your own data; kenko model check FILE lists a model's mistakes",
        "  docs/ and examples/",
    ):
        out.print(line, markup=False, soft_wrap=True)


def _is_silence(alert: Alert) -> bool:
    last_seen = alert.receipt.last_seen
    return alert.cause is Cause.PASSING_TIME and last_seen is not None and alert.opened_at - last_seen >= SILENCE


def _alerts(result: DemoResult) -> str:
    kept_back = Counter(history.reason.value for history in result.histories if history.suppressed)
    text = f"{len(result.delivered)} delivered, {len(result.silent)} of them caused by silence"
    if kept_back:
        text += ", kept back: " + ", ".join(f"{number} {reason}" for reason, number in sorted(kept_back.items()))
    return text


def _quantile(ordered: list[int], percent: int) -> int:
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def _short(path: Path) -> str:
    """Relative to where we are, if it lies below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
