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
