"""Crash points: only a test can arm one, and only where and when it says."""

import subprocess
import sys

import pytest

from kenko.runtime.crash import Crasher, CrashPoint, read_crasher
from kenko.runtime.errors import ConfigurationError
from kenko.runtime.logging import configure_logging

POINT = CrashPoint.COMMIT_BEFORE


def deaths(environ, reached):
    """How many points of `reached` had been passed when it died; None: it lived."""
    died = []
    crasher = read_crasher(environ, end=lambda: died.append(True))
    for number, point in enumerate(reached):
        crasher.reached(point)
        if died:
            return number
    return None


@pytest.mark.parametrize(
    ("environ", "dies_at"),
    [
        ({}, None),
        ({"KENKO_ENV": "test"}, None),
        ({"KENKO_ENV": "test", "KENKO_CRASH_AT": ""}, None),
        ({"KENKO_ENV": "test", "KENKO_CRASH_AT": "commit.before"}, 1),  # the first point is another one
        ({"KENKO_ENV": "test", "KENKO_CRASH_AT": "commit.before:3"}, 3),
        ({"KENKO_ENV": "test", "KENKO_CRASH_AT": "commit.before:4"}, None),  # reached three times only
        ({"KENKO_ENV": "production", "KENKO_CRASH_AT": "commit.before"}, None),
        ({"KENKO_CRASH_AT": "commit.before"}, None),
    ],
)
def test_it_dies_where_and_when_it_is_told(environ, dies_at):
    assert deaths(environ, [CrashPoint.OUTPUTS_BEFORE, POINT, POINT, POINT]) == dies_at


def test_it_does_not_die_twice():
    died = []
    crasher = Crasher(POINT, 1, end=lambda: died.append(True))
    for _ in range(3):
        crasher.reached(POINT)
    assert died == [True]


def test_outside_a_test_it_is_ignored_and_told(capsys):
    configure_logging("scorer", form="json")
    assert read_crasher({"KENKO_CRASH_AT": "commit.before"}).point is None
    assert "runtime.crash_point_ignored" in capsys.readouterr().out


@pytest.mark.parametrize(
    "asked", ["commit", "commit.before:0", "commit.before:x", "commit.before:-1", "commit.before:²"]
)
def test_what_means_nothing_is_refused_with_what_there_is(asked):
    with pytest.raises(ConfigurationError, match="KENKO_CRASH_AT"):
        read_crasher({"KENKO_ENV": "test", "KENKO_CRASH_AT": asked})


PROGRAM = """
import sys
from kenko.runtime.crash import CrashPoint, crash_point
from kenko.runtime.lifecycle import run
async def main(stop):
    crash_point(CrashPoint.COMMIT_BEFORE)
    print("lived")
sys.exit(run("test", main))
"""


@pytest.mark.parametrize(("env", "code", "said"), [("test", -9, ""), ("production", 0, "lived")])
def test_a_service_arms_it_from_its_environment_and_dies_as_by_kill_9(env, code, said):
    environ = {"KENKO_ENV": env, "KENKO_CRASH_AT": "commit.before"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == code
    assert said in ran.stdout
