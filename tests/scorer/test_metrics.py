import pytest
from prometheus_client import CollectorRegistry

from services.scorer.metrics import ScorerMetrics


@pytest.fixture
def registry():
    return CollectorRegistry()


def test_each_total_of_the_fence_has_one_place(registry):
    metrics = ScorerMetrics(registry)
    counts = {
        "applied": 5,
        "duplicate": 1,
        "too_late": 2,
        "dead_lettered.invalid": 3,
        "dead_lettered.undecodable": 1,
        "ticks": 4,
        "ticks_ignored": 1,
        "evaluated": 9,
        "transitions": 9,
        "scores": 3,
        "ignored_values": 2,
        "ids_cut_short": 8,
        "forwarded": 6,
        "forwarded_duplicate": 2,
    }

    metrics.committed(0, counts, rows=7)

    def value(name, **labels):
        return registry.get_sample_value(f"kenko_scorer_{name}", labels)

    assert value("records_total", outcome="applied") == 5
    assert value("records_total", outcome="dead_lettered") == 4
    assert value("dead_letters_total", reason="invalid") == 3
    assert value("ticks_total", outcome="ignored") == 1
    assert value("ignored_values_total") == 2
    assert value("ids_cut_short_total") == 8
    assert value("rows_written_total") == 7
    assert value("commits_total", outcome="refused") == 0
    outcomes = {s.labels["outcome"] for m in registry.collect() if m.name == "kenko_scorer_records" for s in m.samples}
    assert outcomes == {
        *("applied", "duplicate", "too_late", "already", "forgotten", "dead_lettered"),
        *("forwarded", "forwarded_duplicate"),
    }
    assert value("records_total", outcome="forwarded") == 6
    assert value("records_total", outcome="forwarded_duplicate") == 2


def test_every_outcome_and_every_reason_is_there_from_the_start(registry):
    ScorerMetrics(registry)
    for outcome in ("applied", "already", "dead_lettered", "forwarded", "forwarded_duplicate"):
        assert registry.get_sample_value("kenko_scorer_records_total", {"outcome": outcome}) == 0
    for reason in ("invalid", "misrouted", "too_large"):
        assert registry.get_sample_value("kenko_scorer_dead_letters_total", {"reason": reason}) == 0


def test_the_lag_of_a_partition_goes_with_it(registry):
    metrics = ScorerMetrics(registry)
    metrics.released(3)
    metrics.lag(3, 17)
    assert registry.get_sample_value("kenko_scorer_lag_records", {"partition": "3"}) == 17
    metrics.released(3)
    assert registry.get_sample_value("kenko_scorer_lag_records", {"partition": "3"}) is None


def test_changes_of_zones_and_of_rules_are_counted_apart(registry):
    metrics = ScorerMetrics(registry)
    metrics.moved("red")
    metrics.ruled("expansion", holds=True)
    metrics.scored(3)
    metrics.scored(0)
    assert registry.get_sample_value("kenko_scorer_transitions_total", {"to_zone": "red"}) == 1
    rules = {"kind": "expansion", "holds": "true"}
    assert registry.get_sample_value("kenko_scorer_rule_transitions_total", rules) == 1
    assert registry.get_sample_value("kenko_scorer_scores_published_total", {}) == 3


def test_only_sources_that_are_silent_now_have_a_series(registry):
    metrics = ScorerMetrics(registry)

    def silent():
        return {s.labels["source"]: s.value for m in registry.collect() for s in m.samples if "source" in s.labels}

    assert silent() == {}
    metrics.silent(["crm", ""])
    assert silent() == {"crm": 1, "*": 1}
    metrics.silent(["crm"])
    assert silent() == {"crm": 1}
    metrics.silent([])
    assert silent() == {}


def test_clients_cannot_make_series_by_naming_sources(registry):
    metrics = ScorerMetrics(registry)
    for number in range(100):
        metrics.not_applied(f"client-{number}", "duplicate", 2)
        metrics.not_applied(f"client-{number}", "too_late", 1)

    def value(source, outcome):
        labels = {"source": source, "outcome": outcome}
        return registry.get_sample_value("kenko_scorer_events_not_applied_total", labels)

    assert (value("client-0", "duplicate"), value("client-63", "too_late")) == (2, 1)
    assert (value("client-64", "duplicate"), value("other", "duplicate")) == (None, 36 * 2)


def test_snapshots_and_rebuilds_are_counted_from_zero_and_ages_go_with_their_partition(registry):
    metrics = ScorerMetrics(registry)

    def value(name, **labels):
        return registry.get_sample_value(f"kenko_scorer_{name}", labels)

    assert [value("rebuilds_total", kind=kind) for kind in ("snapshots", "log", "older")] == [0, 0, 0]
    assert [value("snapshot_sets_total", outcome=o) for o in ("whole", "void", "refused")] == [0, 0, 0]
    metrics.rebuilt("snapshots", 60)
    metrics.snapshots(100)
    metrics.snapshot_set("void")
    metrics.snapshot_too_large()
    metrics.snapshot_age(3, 12.5)

    assert (value("rebuilds_total", kind="snapshots"), value("rows_restored_total")) == (1, 60)
    assert (value("snapshots_written_total"), value("snapshot_sets_total", outcome="void")) == (100, 1)
    assert value("snapshots_too_large_total") == 1
    assert value("snapshot_marker_age_seconds", partition="3") == 12.5
    metrics.released(3)
    assert value("snapshot_marker_age_seconds", partition="3") is None
