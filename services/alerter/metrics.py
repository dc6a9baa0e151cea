"""Every metric of the alerter. No label grows with accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.registry import REGISTRY, CollectorRegistry

from kenko.alerting.reason import Reason
from kenko.alerting.retry import RetryVerdict
from kenko.delivery.receiver import ReceiverKind
from schemas.dead_letter import DeadLetterReason

SUPPRESSED = "suppressed"
_LATENCY_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86_400.0)


class AlerterMetrics:
    """Known label values stand at 0 from the start, so that a rate sees the first one."""

    def __init__(self, kinds: Iterable[ReceiverKind] = (), registry: CollectorRegistry = REGISTRY) -> None:
        self.transitions = Counter(
            "kenko_alerter_transitions_total", "Transitions read, repeats included.", registry=registry
        )
        self.forgets = Counter(
            "kenko_alerter_forgets_total", "Accounts forgotten, repeats included.", registry=registry
        )
        self.decisions = Counter(
            "kenko_alerter_decisions_total", "Decisions about transitions, by reason.", ["reason"], registry=registry
        )
        self.deliveries = Counter(
            "kenko_alerter_deliveries_total",
            "What came of deliveries: done, exhausted, disabled, failed, suppressed; retry counts each failed try.",
            ["receiver", "outcome"],
            registry=registry,
        )
        self.latency = Histogram(
            "kenko_alerter_delivery_latency_seconds",
            "From the Kafka timestamp of the transition to the receiver's 2xx.",
            ["receiver"],
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.outbox = Gauge(
            "kenko_alerter_outbox_deliveries",
            "Deliveries that wait, on the partitions of this process.",
            ["receiver"],
            registry=registry,
        )
        self.dead_letters = Counter(
            "kenko_alerter_dead_letters_total", "Records given up, by reason.", ["reason"], registry=registry
        )
        self.waits = Counter(
            "kenko_alerter_waits_total", "Failed calls that are tried again, by cause.", ["cause"], registry=registry
        )
        self.restored = Counter(
            "kenko_alerter_restored_total",
            "Records handled again, because Redis came back without what was recorded of them.",
            registry=registry,
        )
        self.partitions = Gauge("kenko_alerter_partitions", "Partitions of this process.", registry=registry)
        self._start_at_zero(tuple(kinds))

    def waiting(self, exported: Mapping[str, int]) -> None:
        """Show what waits in the outboxes, by receiver."""
        self.outbox.clear()
        for name, number in exported.items():
            self.outbox.labels(name).set(number)

    def _start_at_zero(self, kinds: tuple[ReceiverKind, ...]) -> None:
        for reason in Reason:
            self.decisions.labels(reason.value)
        for dead in (DeadLetterReason.UNDECODABLE, DeadLetterReason.INVALID):
            self.dead_letters.labels(dead.value)
        for cause in ("redis", "kafka"):
            self.waits.labels(cause)
        for kind in kinds:
            self.latency.labels(kind.value)
            for outcome in (*(verdict.value for verdict in RetryVerdict), SUPPRESSED):
                self.deliveries.labels(kind.value, outcome)
