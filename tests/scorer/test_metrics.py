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
        "ignored_values": 2,
    }

    metrics.committed(0, counts, rows=7)

    def value(name, **labels):
        return registry.get_sample_value(f"kenko_scorer_{name}", labels)

    assert value("records_total", outcome="applied") == 5
    assert value("records_total", outcome="dead_lettered") == 4
    assert value("dead_letters_total", reason="invalid") == 3
    assert value("ticks_total", outcome="ignored") == 1
    assert value("ignored_values_total") == 2
    assert value("rows_written_total") == 7
    assert value("commits_total", outcome="refused") == 0
    outcomes = {s.labels["outcome"] for m in registry.collect() if m.name == "kenko_scorer_records" for s in m.samples}
    assert outcomes == {"applied", "duplicate", "too_late", "dead_lettered"}


def test_the_lag_of_a_partition_goes_with_it(registry):
    metrics = ScorerMetrics(registry)
    metrics.released(3)
    metrics.lag(3, 17)
    assert registry.get_sample_value("kenko_scorer_lag_records", {"partition": "3"}) == 17
    metrics.released(3)
    assert registry.get_sample_value("kenko_scorer_lag_records", {"partition": "3"}) is None
