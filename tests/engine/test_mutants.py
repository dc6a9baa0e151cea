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
WITHOUT_A_STORE = "test_without_a_store_a_copy_serves_as_the_row_and_only_what_needs_an_id_has_it_hashed"
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
        "if digest in self._seen:",
        "if digest in self._seen and not self._seen:",
        "test_fold_properties.py::test_a_repeat_changes_nothing[every-kind]",
    ),
    Mutant(
        "an id of a commit that did not complete is known",
        "recent_ids.py",
        "if newest < offset <= row_offset:",
        "if newest < offset:",
        "test_recent_ids.py",
    ),
    Mutant(
        "ids are dropped that a replay could ask for",
        "held_account.py",
        "ids = self.ids.drain(committed_ms)",
        "ids = self.ids.drain(committed_ms + (1 << 40))",
        "test_partition.py::test_an_id_leaves_the_row_one_commit_after_it_was_over",
    ),
    Mutant(
        "a row ahead of the log takes its records again",
        "partition.py",
        "if state is not None and offset <= state.offset:",
        "if state is not None and offset < 0:",
        "test_partition.py::test_each_event_has_one_outcome_and_all_are_counted",
    ),
    Mutant(
        "traits alone give a score",
        "assessing.py",
        "if seen_ms is None or (state.last_seen_ms is None and state.started_ms is None):",
        "if seen_ms is None:",
        "test_language.py::TestTraits::test_an_account_that_was_only_updated_is_unknown_until_its_first_use",
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
        "        account.memo.drop()\n",
        "",
        "test_fold_properties.py::test_what_is_remembered_between_two_evaluations_changes_nothing[rich]",
    ),
    Mutant(
        "what is remembered of an account outlives its events",
        "intake.py",
        "                memo.dirty |= columns\n",
        "                pass\n",
        "test_rules.py::TestRules::test_a_hold_delays_the_beginning_and_another_the_end",
    ),
    Mutant(
        "an event that counts says that it changed nothing",
        "signals/counts.py",
        "cell[place] += 1\n        return CHANGED",
        "cell[place] += 1\n        return SAME",
        "test_signal_table.py::test_what_is_read_again_is_all_that_has_changed",
    ),
    Mutant(
        "a user who is seen again after some time says that it changed nothing",
        "signals/uniques.py",
        "cell[key] = bucket\n            return CHANGED",
        "cell[key] = bucket\n            return CHANGED if newest is None else SAME",
        "test_signal_table.py::test_what_is_read_again_is_all_that_has_changed",
    ),
    Mutant(
        "a day of use that comes late says that it changed nothing",
        "signals/active_days.py",
        "return CHANGED if mark(cell, day, self._keep) else SAME",
        "return CHANGED if mark(cell, day, self._keep) and cell[0] == day else SAME",
        "test_signal_table.py::test_what_is_read_again_is_all_that_has_changed",
    ),
    Mutant(
        "a quotient is as it was though one of its operands is not",
        "signals/table.py",
        "if reads < 0 or (read | moved) & reads:",
        "if reads < 0:",
        "test_fold_properties.py::test_what_is_remembered_gives_the_same_evaluation_and_receipt_each_time[rich]",
    ),
    Mutant(
        "a cap binds once its condition has held",
        "scoring.py",
        "                capped_by &= ~bit\n",
        "                capped_by |= 0\n",
        "test_fold_properties.py::test_what_is_remembered_gives_the_same_evaluation_and_receipt_each_time[every-kind]",
    ),
    Mutant(
        "an input that moved leaves the score where it was",
        "scoring.py",
        "                exact += shares.parts[number] * (health - was)\n",
        "",
        "test_fold_properties.py::test_what_is_remembered_gives_the_same_evaluation_and_receipt_each_time[every-kind]",
    ),
    Mutant(
        "grace and phase have no end while nothing else happens",
        "assessing.py",
        "(self.next_ms is None or now_ms < self.next_ms)",
        "(self.next_ms is None or now_ms > 0)",
        "test_fold_properties.py::test_what_is_remembered_gives_the_same_evaluation_and_receipt_each_time[rich]",
    ),
    Mutant(
        "rules are left alone beyond their own time",
        "rules.py",
        "(self.next_ms is None or now_ms < self.next_ms)",
        "(self.next_ms is None or now_ms > 0)",
        "test_fold_properties.py::test_what_is_remembered_gives_the_same_evaluation_and_receipt_each_time[rich]",
    ),
    Mutant(
        "a rule whose tests have begun to hold goes unnoticed while others stay as they are",
        "rules.py",
        "if rule.passes(situation) != (name in before):",
        "if name in before and not rule.passes(situation):",
        "test_fold_properties.py::test_what_is_remembered_gives_the_same_evaluation_and_receipt_each_time[rich]",
    ),
    Mutant(
        "rules are left alone in another zone",
        "rules.py",
        "            and self.zone is zone\n",
        "",
        "test_fold_properties.py::test_what_is_remembered_gives_the_same_evaluation_and_receipt_each_time[rich]",
    ),
    Mutant(
        "an id that decides between two values is not hashed",
        "intake.py",
        "if by_id else _ANY",
        "if not by_id else _ANY",
        f"test_fold_properties.py::{WITHOUT_A_STORE}[every-kind]",
    ),
    Mutant(
        "what an account was changes with its events",
        "kept.py",
        "shared = cells & ~self._parted",
        "shared = 0",
        f"test_fold_properties.py::{WITHOUT_A_STORE}[every-kind]",
    ),
    Mutant(
        "a window loses a bucket early",
        "signals/counts.py",
        "dead = (now_ms - window_ms) // bucket_ms",
        "dead = (now_ms - window_ms) // bucket_ms + 1",
        "test_signals.py::test_a_window_is_half_open_in_buckets",
    ),
    Mutant(
        "a window keeps a bucket too long where it is only measured",
        "signals/counts.py",
        "held(total(cell, (now_ms - self.window_ms) // self.bucket_ms))",
        "held(total(cell, (now_ms - self.window_ms) // self.bucket_ms - 1))",
        "test_signals.py::test_a_window_is_half_open_in_buckets",
    ),
    Mutant(
        "a user counts from where it was heard of last, not seen last",
        "signals/uniques.py",
        "        if newest is None or newest < bucket:",
        "        if True:",
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
        "a day that has just left the window is an active one",
        "days.py",
        "living = days[0] - day\n",
        "living = days[0] - day + 1\n",
        "test_days.py::test_days_that_are_over_can_be_passed_over_or_dropped",
    ),
    Mutant(
        "the last answer comes back as the first one",
        "row_packing.py",
        "max(cells[answers].values())",
        "min(cells[answers].values())",
        "test_row_packing.py::test_the_last_answer_is_stored_once_where_the_promoters_are_kept",
    ),
    Mutant(
        "a trait that was said earlier replaces a later one",
        "traits.py",
        ">= (time_ms, digest, repr(value))",
        "== (time_ms, digest, repr(value))",
        "test_fold_properties.py::test_the_order_of_arrival_inside_a_tick_does_not_matter[rich]",
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
