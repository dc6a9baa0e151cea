"""The tests of the engine notice a bug: each of these is put into a copy of it, and the named test must fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "engine"
FAILED = 1
"""What pytest exits with where tests ran and failed; other codes say that it could not run them."""


class Mutant(NamedTuple):
    """A bug, and the test that must notice it."""

    name: str
    file: str
    """Below kenko/engine."""
    code: str
    """Stands in the file once."""
    bug: str
    noticed_by: str
    """File and test below tests/engine, as pytest names them."""


MUTANTS = [
    Mutant(
        "a repeated id counts again",
        "recent_ids.py",
        "if digest in seen:",
        "if digest in seen and not seen:",
        "test_fold_properties.py::test_a_repeat_changes_nothing[every-kind]",
    ),
    Mutant(
        "a row ahead of the log takes its records again",
        "partition.py",
        "if state is not None and offset <= state.offset:",
        "if state is not None and offset < 0:",
        "test_partition.py::test_each_event_has_one_outcome_and_all_are_counted",
    ),
    Mutant(
        "an event exactly at the horizon is too late",
        "partition.py",
        "time_ms < now_ms - self._horizon_ms",
        "time_ms <= now_ms - self._horizon_ms",
        "test_partition.py::test_each_event_has_one_outcome_and_all_are_counted",
    ),
    Mutant(
        "the time goes back with an older tick",
        "partition.py",
        "else max(self.now_ms, time_ms)",
        "else time_ms",
        "test_partition.py::test_an_older_tick_evaluates_at_the_time_it_is",
    ),
    Mutant(
        "what is remembered of an account outlives its traits",
        "partition.py",
        "            account.memo.drop()\n",
        "",
        "test_fold_properties.py::test_what_is_remembered_between_two_evaluations_changes_nothing[rich]",
    ),
    Mutant(
        "what is remembered of an account outlives its events",
        "intake.py",
        "        memo.dirty |= columns\n",
        "",
        "test_rules.py::TestRules::test_a_hold_delays_the_beginning_and_another_the_end",
    ),
    Mutant(
        "a window loses a bucket early",
        "signals/counts.py",
        "dead = (now_ms - window_ms) // bucket_ms",
        "dead = (now_ms - window_ms) // bucket_ms + 1",
        "test_signals.py::test_every_kind_measures_what_a_plain_reading_of_the_events_gives",
    ),
    Mutant(
        "a window keeps a bucket too long where it is only measured",
        "signals/counts.py",
        "held(total(cell, (now_ms - self.window_ms) // self.bucket_ms))",
        "held(total(cell, (now_ms - self.window_ms) // self.bucket_ms - 1))",
        "test_signals.py::test_every_kind_measures_what_a_plain_reading_of_the_events_gives",
    ),
    Mutant(
        "a user counts from where it was heard of last, not seen last",
        "signals/uniques.py",
        "key, bucket = cells[self.index], self._hash(user_id), time_ms // self._bucket_ms\n"
        "            if key not in cell or cell[key] < bucket:",
        "key, bucket = cells[self.index], self._hash(user_id), time_ms // self._bucket_ms\n            if True:",
        "test_signal_table.py::test_order_and_storing_in_between_change_nothing",
    ),
    Mutant(
        "of two answers at one time the one that arrives last counts",
        "signals/latest.py",
        "cell is None or cell < newest",
        "cell is None or cell[0] <= newest[0]",
        "test_signals.py::test_the_latest_wins_by_time_then_by_id_and_grows_stale",
    ),
    Mutant(
        "a trend has no end",
        "signals/trends.py",
        "return min(_MOST, raw)",
        "return raw",
        "test_trends.py",
    ),
    Mutant(
        "an input without data that is to be neutral hands its weight on",
        "scoring.py",
        "Missing.NEUTRAL: FULL // 2,",
        "Missing.NEUTRAL: None,",
        "test_scores.py::test_an_input_that_never_had_data_counts_as_the_model_says",
    ),
    Mutant(
        "an input without data is the worst where it is to hand its weight on",
        "scoring.py",
        "Missing.REDISTRIBUTE: None,",
        "Missing.REDISTRIBUTE: 0,",
        "test_scores.py::test_an_input_that_never_had_data_counts_as_the_model_says",
    ),
    Mutant(
        "the last hundredth of the points is lost",
        "weights.py",
        "    if left:\n",
        "    if left > 1:\n",
        "test_weights.py",
    ),
    Mutant(
        "red ends at its own boundary",
        "zoning.py",
        "score <= self._red.clear_above",
        "score < self._red.below",
        "test_zoning.py",
    ),
    Mutant(
        "the end of a hold is nobody's due time",
        "zoning.py",
        "return min(ends, default=None)",
        "return None",
        "test_fold_properties.py::test_no_change_is_missed_between_two_dues[every-kind]",
    ),
    Mutant(
        "a rule holds at once",
        "rules.py",
        "(rule.clear_for_ms if held else rule.for_ms)",
        "(rule.clear_for_ms if held else 0)",
        "test_rules.py::TestRules",
    ),
    Mutant(
        "what came late counts as behaviour",
        "scorer.py",
        "time_ms < last.time_ms - LATE_MS",
        "time_ms < last.time_ms - LATE_MS * LATE_MS",
        "test_language.py::TestLateData",
    ),
    Mutant(
        "days without an evaluation have no close",
        "closes.py",
        "days = min(today - since, CLOSES_KEPT)",
        "days = 1",
        "test_closes.py",
    ),
    Mutant(
        "an override has no end",
        "overrides.py",
        "(until_ms is not None and now_ms >= until_ms)",
        "(until_ms is not None and now_ms < 0)",
        "test_language.py::TestOverrides",
    ),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The packages, where a bug may be put in."""
    folder = tmp_path_factory.mktemp("mutants")
    for package in ("kenko", "schemas"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def outcome(copy, *noticed_by, **environ):
    """Run tests on the copy: it comes before the checkout, for `python -m` puts the working folder first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    names = [f"{TESTS}/{name}" for name in noticed_by]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider", *names],
        cwd=copy,
        env={**kept, "HYPOTHESIS_PROFILE": "mutants", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.fixture(scope="module")
def healthy(copy):
    """The copy, once all these tests have passed on it: else anything could be what they fail of."""
    result = outcome(copy, *dict.fromkeys(mutant.noticed_by for mutant in MUTANTS))
    assert result.returncode == 0, result.stdout
    return copy


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bug_in_the_engine_is_noticed(healthy, mutant):
    file = healthy / "kenko" / "engine" / mutant.file
    text = file.read_text()
    assert text.count(mutant.code) == 1, f"{mutant.file} has changed: say here what the bug would be now"
    shutil.rmtree(file.parent / "__pycache__", ignore_errors=True)  # it is told by size and second from its source
    try:
        file.write_text(text.replace(mutant.code, mutant.bug))
        result = outcome(healthy, mutant.noticed_by, PYTHONDONTWRITEBYTECODE="1")
    finally:
        file.write_text(text)
    assert (result.returncode, " failed" in result.stdout) == (FAILED, True), result.stdout
