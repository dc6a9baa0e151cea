"""The tests notice what would lose or double an effect: each of these known bugs is put into a copy, and tests must fail.

Those of the engine stand beside its tests. These take half a minute: `make test-mutants`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
FAILED = 1
"""What pytest exits with where tests ran and failed; other codes say that it could not run them."""

pytestmark = pytest.mark.mutants


class Mutant(NamedTuple):
    """A bug, and the tests that must notice it."""

    name: str
    file: str
    edits: tuple[tuple[str, str], ...]
    """What stands in the file once, and what the bug makes of it."""
    noticed_by: str
    """File and test below tests, as pytest names them."""


SEND = "            await self._output.send_in_order([*self._strays.waiting, *self._waiting])\n"
REFUSED = "        if outcome is CommitOutcome.REFUSED:\n"

MUTANTS = [
    Mutant(
        "the fence moves before the outputs are written",
        "kenko/stream/working_set.py",
        ((SEND, ""), (REFUSED, f"{SEND[4:]}{REFUSED}")),
        "stream/test_runner_faults.py::test_a_crash_while_outputs_are_written_loses_none",
    ),
    Mutant(
        "copies of misrouted records are written after the fence",
        "kenko/stream/working_set.py",
        (
            (SEND, "            await self._output.send_in_order(self._waiting)\n"),
            (REFUSED, f"        await self._output.send_in_order(self._strays.waiting)\n{REFUSED}"),
        ),
        "stream/test_forwarding.py",
    ),
    Mutant(
        "the script does not look at the fence",
        "kenko/store/commit.lua",
        (
            (
                "if (stands[1] or '') ~= ARGV[1] or (stands[1] and (stands[2] or '') ~= ARGV[12]) then",
                "if false then",
            ),
        ),
        "store/test_partition_store.py::test_of_two_runners_one_wins",
    ),
    Mutant(
        "the twin in memory does not look at the fence",
        "kenko/store/memory_partition.py",
        (("if (self._fence.offset if self._fence else None) != commit.expected:", "if False:"),),
        "stream/test_runner_faults.py::test_a_refused_commit_drops_everything_and_goes_on_from_the_fence",
    ),
    Mutant(
        "a refused commit counts as applied",
        "kenko/stream/working_set.py",
        ((REFUSED, "        if outcome is CommitOutcome.REFUSED and not self._waiting and not rows:\n"),),
        "stream/test_runner_faults.py::test_a_refused_commit_drops_everything_and_goes_on_from_the_fence",
    ),
    Mutant(
        "an alert is marked as delivered before it is sent",
        "services/alerter/sender.py",
        (
            (
                "        outcome = await self._receiver.deliver(",
                (
                    "        await self._finish(store, delivery, DeliveryStatus.DELIVERED, RetryVerdict.DONE.value)\n"
                    "        outcome = await self._receiver.deliver("
                ),
            ),
        ),
        "alerter/test_dispatch.py::test_a_crash_while_it_is_sent_leaves_it_waiting",
    ),
    Mutant(
        "a batch is acknowledged before its commit",
        "kenko/stream/runner.py",
        (
            ("        await work.commit()\n        await work.tidy()\n        for done", "        for done"),
            (
                "        self._done.clear()\n\n    async def _finish",
                "        self._done.clear()\n        await work.commit()\n        await work.tidy()\n\n    async def _finish",
            ),
        ),
        "stream/test_runner_faults.py::test_a_batch_is_acknowledged_after_its_commit",
    ),
    Mutant(
        "the offset shown to Kafka is ahead of the fence",
        "kenko/stream/reader.py",
        (("else runner.told_below", "else runner.next_offset"),),
        "stream/test_reader.py::test_the_offset_shown_to_kafka_is_the_fence",
    ),
    Mutant(
        "the alerter acknowledges a transition before it has recorded its decision",
        "services/alerter/app.py",
        (
            (
                "record = _record_of(event.message)\n",
                "record = _record_of(event.message)\n                event.ack()\n",
            ),
            ("partial(confirmer.take, record, event.ack)", "partial(confirmer.take, record, lambda: None)"),
        ),
        "alerter/test_process.py::test_stopped_while_redis_is_away_it_has_acknowledged_nothing",
    ),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The packages, where a bug may be put in."""
    folder = tmp_path_factory.mktemp("mutants")
    for package in ("kenko", "schemas", "services"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def outcome(copy, *noticed_by):
    """Run tests on the copy: it comes before the checkout, for `python -m` puts the working folder first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON", "KENKO_"))}
    # Services that a test starts have to run from the copy, too.
    environ = {**kept, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy), "HYPOTHESIS_PROFILE": "mutants"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider"]
        + [f"{TESTS}/{name}" for name in noticed_by],
        cwd=copy,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


@pytest.fixture(scope="module")
def healthy(copy):
    """The copy, once all these tests have passed on it: else anything could be what they fail of."""
    result = outcome(copy, *dict.fromkeys(mutant.noticed_by for mutant in MUTANTS))
    assert result.returncode == 0, result.stdout
    return copy


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_bug_in_the_order_of_effects_is_noticed(healthy, mutant, record_property):
    file = healthy / mutant.file
    text = broken = file.read_text()
    for code, bug in mutant.edits:
        assert broken.count(code) == 1, f"{mutant.file} has changed: say here what the bug would be now"
        broken = broken.replace(code, bug)
    try:
        file.write_text(broken)
        result = outcome(healthy, mutant.noticed_by)
    finally:
        file.write_text(text)
    assert (result.returncode, " failed" in result.stdout) == (FAILED, True), result.stdout
    record_property("bug", mutant.name)
    record_property("noticed by", mutant.noticed_by)
