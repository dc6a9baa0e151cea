"""Every metric of ingest. No account, user, event name or key is ever a label."""

from __future__ import annotations

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.registry import CollectorRegistry

from kenko.dialects.problems import ProblemCode
from kenko.dialects.reading import DialectName
from services.ingest.answers import STATUS
from services.ingest.auth import AuthOutcome

_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
ACCEPTED = "accepted"
NOTED = "noted"
UNATTRIBUTED = "unattributed"
REJECTED = "rejected"


class IngestMetrics:
    """One a process; tests give it a registry of their own. Known label sets stand at 0 from the start."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.requests = Counter("kenko_ingest_requests_total", "Requests by status.", ["code"], registry=registry)
        self.events = Counter(
            "kenko_ingest_events_total",
            "Events by what became of them: accepted (in Kafka), noted (nothing to write), unattributed, rejected.",
            ["dialect", "outcome", "reason"],
            registry=registry,
        )
        self.auth = Counter(
            "kenko_ingest_auth_total", "Requests by what became of their key.", ["outcome"], registry=registry
        )
        self.throttled = Counter(
            "kenko_ingest_throttled_total", "Requests refused because their key had sent too much.", registry=registry
        )
        self.keys_file_ok = Gauge(
            "kenko_ingest_keys_file_ok",
            "0: the keys file as it stands is broken, and the last good one counts.",
            registry=registry,
        )
        self.request_seconds = Histogram(
            "kenko_ingest_request_seconds", "From the headers to the answer.", buckets=_SECONDS, registry=registry
        )
        self.produce_seconds = Histogram(
            "kenko_ingest_produce_seconds",
            "Until Kafka acknowledged all events of a request.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight_bytes = Gauge("kenko_ingest_in_flight_bytes", "Bodies held, decompressed.", registry=registry)
        self.kafka_up = Gauge("kenko_ingest_kafka_up", "1 while Kafka answers: ingest is ready.", registry=registry)
        for status in {200, *(status.value for status in STATUS.values())}:
            self.requests.labels(str(status))
        for dialect in DialectName:
            self.events.labels(dialect.value, ACCEPTED, "")
            self.events.labels(dialect.value, NOTED, "")
            for code in ProblemCode:
                outcome = UNATTRIBUTED if code is ProblemCode.UNATTRIBUTED else REJECTED
                self.events.labels(dialect.value, outcome, code.value)
        for outcome in AuthOutcome:
            self.auth.labels(outcome.value)
