"""Hundreds of seeds: the whole pipeline under faults, and what comes out is what one fold over the log makes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # the modules beside this one name each other as `python -m tests.simulator` does

from tests.simulator.faults import Fault  # noqa: E402
from tests.simulator.simulation import simulate  # noqa: E402
from tests.simulator.story import Written  # noqa: E402

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
SEEDS = int(os.environ.get("KENKO_SIMULATOR_SEEDS") or (4000 if DEEP else 120))
CHUNK = 20
FAILED_ONCE = {
    1002: "a crash of Redis took the record of a transition that was acknowledged to Kafka: its alert was lost",
    1012: "rows were read from a Redis that had come back older: a transition that never happened was told",
}
"""Seeds beyond those that run anyway, and what was wrong."""
LEAST_SEEDS = 5
"""In which each kind of fault must have done something, of those of `make test`."""
EFFECTIVE: Counter[str] = Counter()
RAN: set[int] = set()


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_the_invariants_hold_under_faults(first):
    for seed in range(first, first + CHUNK):
        result = simulate(seed)
        RAN.add(seed)
        EFFECTIVE.update({fault: 1 for fault, number in result.effective.items() if number})
        assert not result.wrong, str(result)


@pytest.mark.parametrize("seed", FAILED_ONCE)
def test_what_failed_once(seed):
    result = simulate(seed)
    assert not result.wrong, str(result)


def test_each_kind_of_fault_did_something():
    """A fault that hit nothing does not count. In seeds, over those that ran before this in this process."""
    if len(RAN) < 120:
        pytest.skip("too few seeds ran in this process")
    table = "\n".join(f"{kind:36} {EFFECTIVE[kind]:5}" for kind in (*Fault, *Written))
    assert min(EFFECTIVE[kind] for kind in (*Fault, *Written)) >= LEAST_SEEDS, table


def test_without_faults_nothing_is_repeated():
    result = simulate(1, without_faults=True)
    assert not result.wrong, str(result)
    assert (result.figures["refusals"], result.figures["gaps"]) == (0, 0)


def test_the_same_seed_is_the_same_run_to_the_byte():
    """In another process too, where sets of texts and of objects have another order."""
    here = simulate(7).record
    code = "import sys; from tests.simulator.simulation import simulate; sys.stdout.buffer.write(simulate(7).record)"
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "12345"}
    there = subprocess.run([sys.executable, "-c", code], env=environ, cwd=ROOT, check=True, capture_output=True).stdout
    assert simulate(7).record == here
    assert there == here
    assert simulate(8).record != here
