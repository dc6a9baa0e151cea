"""`kenko bench ingest`: one JSON line whose figures fit together."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.connected
def test_the_line_says_what_was_compared_and_the_ratios_fit(backend) -> None:
    environ = {**os.environ, **backend.fresh().environ()}
    command = [sys.executable, "-m", "kenko.cli", "bench", "ingest", "--events", "10000", "--seconds", "1"]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr
    [line] = ran.stdout.splitlines()
    found = json.loads(line)
    assert (found["bench"], found["broker"]) == ("ingest", "given")
    assert (found["events"], found["single_requests"]) == (9_000, 500)
    for kind in ("", "cpu_"):
        rate, bare = found[f"events_per_{kind}second"], found[f"bare_producer_per_{kind}second"]
        assert found[f"{kind}ratio_to_bare_producer"] == pytest.approx(rate / bare, rel=0.02)
    assert 0 < found["p50_ms"] <= found["p99_ms"]


def bench(backend, *arguments):
    """The JSON line of `kenko bench …` on servers that nobody else fills meanwhile."""
    environ = {**os.environ, **backend.environ(), "KENKO_PARTITIONS": "2"}
    command = [sys.executable, "-m", "kenko.cli", "bench", *arguments]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr
    [line] = ran.stdout.splitlines()
    return json.loads(line)


@pytest.mark.connected
def test_latency_counts_every_alert_and_fits_its_tick(backend) -> None:
    found = bench(backend.fresh(), "latency", "--rate", "300", "--seconds", "2", "--tick-ms", "200", "--accounts", "50")
    assert (found["bench"], found["broker"], found["tick_ms"]) == ("latency", "given", 200)
    assert (found["events"], found["alerts"], found["missing"]) == (600, 6, 0)
    assert found["over_tick_ms"] == pytest.approx(found["p99_ms"] - 200, abs=0.1)
    for kind in ("", "after_tick_", "bare_"):
        assert 0 < found[f"{kind}p50_ms"] <= found[f"{kind}p99_ms"]


# External, for their length, and because only Apache Kafka gives a member that is back its partitions at once.
@pytest.mark.connected
@pytest.mark.external
def test_accounts_says_what_redis_holds_and_scores_all_that_is_due(backend) -> None:
    found = bench(backend.fresh(), "accounts", "--accounts", "600", "--working-set-rows", "1000")
    assert (found["bench"], found["accounts"], found["due_scored"]) == ("accounts", 600, 600)
    parts = ("ids_bytes", "map_bytes", "history_bytes", "other_bytes")
    assert sum(found[part] for part in parts) == pytest.approx(found["redis_bytes"], abs=len(parts))
    assert all(found[part] > 0 for part in parts)


@pytest.mark.connected
@pytest.mark.external
def test_restart_scores_again_after_a_kill(backend) -> None:
    found = bench(backend.fresh(), "restart", "--accounts", "500", "--rate", "100")
    assert (found["bench"], found["accounts"]) == ("restart", 500)
    assert found["ratio_to_empty"] == pytest.approx(found["first_score_s"] / found["empty_first_score_s"], rel=0.02)
    for kind in ("", "empty_"):
        assert 0 < found[f"{kind}ready_s"] <= found[f"{kind}first_score_s"]
