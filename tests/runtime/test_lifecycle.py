"""A service ends when it is asked to, in time or by force."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from kenko.runtime.errors import ConfigurationError
from kenko.runtime.lifecycle import EXIT_FAILED, EXIT_OK, Stop, run, supervise


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_it_to_stop(number: signal.Signals) -> None:
    held = ["a request"]

    async def main(stop: Stop) -> None:
        send(number)
        await stop.wait()
        assert (stop.requested, stop.reason) == (True, number.name)
        held.clear()

    assert run("test", main) == EXIT_OK
    assert held == [], "what was held is finished"


async def test_what_does_not_end_in_time_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def main(_stop: Stop) -> None:
        send(signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    assert await supervise("test", main, grace_s=0.01) == EXIT_FAILED
    assert cancelled.is_set()


async def test_a_second_signal_does_not_wait() -> None:
    async def main(stop: Stop) -> None:
        send(signal.SIGTERM)
        await stop.wait()
        send(signal.SIGTERM)
        await asyncio.Event().wait()

    assert await supervise("test", main, grace_s=300) == EXIT_FAILED


async def test_a_service_that_ends_by_itself() -> None:
    async def main(_stop: Stop) -> None:
        return

    assert await supervise("test", main, grace_s=1) == EXIT_OK


async def test_a_failure_is_an_exit_code() -> None:
    async def main(_stop: Stop) -> None:
        raise RuntimeError("planted")

    assert await supervise("test", main, grace_s=1) == EXIT_FAILED


def test_a_setting_that_turns_out_wrong_later_exits_with_2(capsys) -> None:
    async def main(_stop: Stop) -> None:
        raise ConfigurationError("  KENKO_PARTITIONS=5, but the topic has 12")

    with pytest.raises(SystemExit) as left:
        run("test", main)
    assert left.value.code == 2
    assert "KENKO_PARTITIONS=5" in capsys.readouterr().err


LEAVES_BEHIND = """
import asyncio, sys, threading
from kenko.runtime.lifecycle import run
async def stubborn():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass
async def a_task():
    asyncio.current_task().left = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
async def a_thread():
    threading.Thread(target=threading.Event().wait).start()
async def nothing():
    pass
code = run("test", lambda stop: globals()[sys.argv[1]]())
print("left in order", flush=True)
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("left", "said"),
    [("nothing", {"in order"}), ("a_task", {"by_force"}), ("a_thread", {"in order", "by_force"})],
)
def test_what_libraries_leave_behind_ends_with_the_process(left: str, said: set[str]) -> None:
    command = [sys.executable, "-c", LEAVES_BEHIND, left]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == EXIT_OK, ran.stderr
    assert {words for words in ("in order", "by_force") if words in ran.stdout + ran.stderr} == said
