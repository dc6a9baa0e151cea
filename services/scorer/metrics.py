"""Metrics of the scorer: every name once. Labels are closed sets; no account is ever one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import product

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.registry import CollectorRegistry

from kenko.engine.partition import Outcome
from kenko.engine.recent_ids import CUT_SHORT
from kenko.engine.source_hearing import MAX_SOURCES
from kenko.store.disagreement import ZONES
from kenko.stream.strays import Fate
from schemas.dead_letter import DeadLetterReason

DEAD_LETTERED = "dead_lettered"
DEAD_PREFIX = f"{DEAD_LETTERED}."
EVERY_SOURCE = "*"
OTHER_SOURCES = "other"
"""All sources beyond the limit together: clients choose the names."""
_TICK_COUNTS = {"ticks": "applied", "ticks_ignored": "ignored"}
_ALREADY_COUNTED = frozenset({"evaluated", "transitions", "scores"})
"""Totals of the fence that have a metric of their own here."""


class ScorerMetrics:
    """A `StreamObserver` over Prometheus."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.records = Counter(
            "kenko_scorer_records",
            "Records committed, by outcome: applied, duplicate, too_late, already, forgotten, dead_lettered; forwarded: on the"
            " wrong partition, a copy went to the right one; forwarded_duplicate: such a copy, written again.",
            ["outcome"],
            registry=registry,
        )
        self.not_applied_events = Counter(
            "kenko_scorer_events_not_applied",
            "Usage events that changed nothing, by source (the first 64 of this process, the rest as 'other') and outcome:"
            " duplicate, too_late, already, forgotten.",
            ["source", "outcome"],
            registry=registry,
        )
        self._sources: set[str] = set()
        self.dead_letters = Counter(
            "kenko_scorer_dead_letters", "Records given up, by reason.", ["reason"], registry=registry
        )
        self.ticks = Counter("kenko_scorer_ticks", "Ticks read: applied or ignored.", ["outcome"], registry=registry)
        self.ticks_written = Counter(
            "kenko_scorer_ticks_written", "Ticks written, by reason: arrived, due, idle.", ["reason"], registry=registry
        )
        self.commits = Counter(
            "kenko_scorer_commits", "Commits, by outcome: applied, refused.", ["outcome"], registry=registry
        )
        self.rows = Counter("kenko_scorer_rows_written", "Account rows written.", registry=registry)
        self.accounts = Counter("kenko_scorer_accounts_evaluated", "Evaluations of an account.", registry=registry)
        self.evaluation = Histogram(
            "kenko_scorer_evaluation_seconds",
            "Time to work one tick off, reads included.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
            registry=registry,
        )
        self.transitions = Counter(
            "kenko_scorer_transitions",
            "Changes of a zone, by the zone entered. A replay makes them again.",
            ["to_zone"],
            registry=registry,
        )
        self.rules = Counter(
            "kenko_scorer_rule_transitions",
            "Rules of the model that began to hold (true) or ceased to (false), by their kind.",
            ["kind", "holds"],
            registry=registry,
        )
        self.scores = Counter("kenko_scorer_scores_published", "Scores written to the scores topic.", registry=registry)
        self.ignored_values = Counter(
            "kenko_scorer_ignored_values",
            "Property values a signal could not use, for example text where a number is needed.",
            registry=registry,
        )
        self.ids_cut_short = Counter(
            "kenko_scorer_ids_cut_short",
            "Event ids forgotten before their 24 hours, because their account had 131,072 newer ones.",
            registry=registry,
        )
        self.missing_offsets = Counter(
            "kenko_scorer_missing_offsets", "Offsets without a record in the broker.", registry=registry
        )
        self.gaps = Counter("kenko_scorer_gaps", "Seeks back to records that did not come.", registry=registry)
        self.waits = Counter(
            "kenko_scorer_waits", "Failed tries that were repeated: redis, kafka.", ["cause"], registry=registry
        )
        self.lag_records = Gauge(
            "kenko_scorer_lag_records", "Records in the log and not applied yet.", ["partition"], registry=registry
        )
        self.building_offsets = Gauge(
            "kenko_scorer_building_offsets",
            "Offsets until the configured model takes the place of the live one; 0 where it is live.",
            ["partition"],
            registry=registry,
        )
        self.source_silent = Gauge(
            "kenko_scorer_source_silent",
            "1 for each source of events that is silent against its own rhythm; source '*': all together.",
            ["source"],
            registry=registry,
        )
        self.shadow_accounts = Gauge(
            "kenko_scorer_shadow_accounts",
            "Accounts by their zone in the live model and in this shadow: red, yellow, green, none.",
            ["live", "shadow"],
            registry=registry,
        )
        self.rebuilds = Counter(
            "kenko_scorer_rebuilds",
            "Partitions made anew: snapshots, log; older: Redis was behind what was told, and is brought there silently.",
            ["kind"],
            registry=registry,
        )
        self.rows_restored = Counter(
            "kenko_scorer_rows_restored", "Account rows put back from snapshots.", registry=registry
        )
        self.snapshot_rows = Counter(
            "kenko_scorer_snapshots_written", "Account rows put aside as snapshots.", registry=registry
        )
        self.snapshot_sets = Counter(
            "kenko_scorer_snapshot_sets",
            "Sets of snapshots of a partition: whole, with a marker; void: given up; refused: by Kafka or Redis.",
            ["outcome"],
            registry=registry,
        )
        self.snapshots_too_large = Counter(
            "kenko_scorer_snapshots_too_large", "Rows too large for a snapshot; their set is void.", registry=registry
        )
        self.marker_age = Gauge(
            "kenko_scorer_snapshot_marker_age_seconds",
            "Since the newest whole set of snapshots was begun; where there is none, since the scorer has the partition.",
            ["partition"],
            registry=registry,
        )
        for outcome in ("whole", "void", "refused"):
            self.snapshot_sets.labels(outcome)
        for kind in ("snapshots", "log", "older"):
            self.rebuilds.labels(kind)
        for outcome in ("applied", "refused"):
            self.commits.labels(outcome)
        for outcome in (*Outcome, DEAD_LETTERED, Fate.FORWARDED, Fate.DUPLICATE):
            self.records.labels(outcome)
        for reason in DeadLetterReason:
            self.dead_letters.labels(reason)

    def committed(self, partition: int, counts: Mapping[str, int], rows: int) -> None:  # noqa: ARG002 - the port's shape
        self.commits.labels("applied").inc()
        self.rows.inc(rows)
        for name, count in counts.items():
            self._count(name, count)

    def not_applied(self, source: str, outcome: str, events: int) -> None:
        if len(self._sources) < MAX_SOURCES:
            self._sources.add(source)
        self.not_applied_events.labels(source if source in self._sources else OTHER_SOURCES, outcome).inc(events)

    def refused(self, partition: int) -> None:  # noqa: ARG002 - the port's shape
        self.commits.labels("refused").inc()

    def evaluated(self, accounts: int, seconds: float) -> None:
        self.accounts.inc(accounts)
        self.evaluation.observe(seconds)

    def moved(self, to_zone: str) -> None:
        self.transitions.labels(to_zone).inc()

    def ruled(self, kind: str, *, holds: bool) -> None:
        self.rules.labels(kind, str(holds).lower()).inc()

    def scored(self, updates: int) -> None:
        self.scores.inc(updates)

    def hole(self, partition: int, offsets: int) -> None:  # noqa: ARG002 - the port's shape
        self.missing_offsets.inc(offsets)

    def gap(self, partition: int) -> None:  # noqa: ARG002 - the port's shape
        self.gaps.inc()

    def waiting(self, cause: str) -> None:
        self.waits.labels(cause).inc()

    def lag(self, partition: int, records: int) -> None:
        self.lag_records.labels(str(partition)).set(records)

    def building(self, partition: int, offsets: int) -> None:
        self.building_offsets.labels(str(partition)).set(offsets)

    def shadowed(self, tally: Mapping[tuple[str, str], int]) -> None:
        """So many accounts have these two zones: live, and in the shadow that this process is."""
        for pair in product(ZONES, ZONES):
            self.shadow_accounts.labels(*pair).set(tally.get(pair, 0))

    def released(self, partition: int) -> None:
        """The next owner reports its lag: two series for one partition would add up to nonsense."""
        for gauge in (self.lag_records, self.building_offsets, self.marker_age):
            gauge.remove_by_labels({"partition": str(partition)})

    def tick_written(self, reason: str) -> None:
        self.ticks_written.labels(reason).inc()

    def silent(self, sources: Collection[str]) -> None:
        """At most 64 are judged. One that is back has no series, so that names of clients do not pile up."""
        self.source_silent.clear()
        for source in sources:
            self.source_silent.labels(source or EVERY_SOURCE).set(1)

    def rebuilt(self, kind: str, rows: int) -> None:
        self.rebuilds.labels(kind).inc()
        self.rows_restored.inc(rows)

    def snapshots(self, rows: int) -> None:
        self.snapshot_rows.inc(rows)

    def snapshot_too_large(self) -> None:
        self.snapshots_too_large.inc()

    def snapshot_set(self, outcome: str) -> None:
        self.snapshot_sets.labels(outcome).inc()

    def snapshot_age(self, partition: int, seconds: float) -> None:
        self.marker_age.labels(str(partition)).set(seconds)

    def _count(self, name: str, count: int) -> None:
        if name in _TICK_COUNTS:
            self.ticks.labels(_TICK_COUNTS[name]).inc(count)
        elif name.startswith(DEAD_PREFIX):
            self.records.labels(DEAD_LETTERED).inc(count)
            self.dead_letters.labels(name.removeprefix(DEAD_PREFIX)).inc(count)
        elif name == "ignored_values":
            self.ignored_values.inc(count)
        elif name == CUT_SHORT:
            self.ids_cut_short.inc(count)
        elif name not in _ALREADY_COUNTED:
            self.records.labels(name).inc(count)
