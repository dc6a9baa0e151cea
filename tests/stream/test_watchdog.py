import asyncio
import subprocess
import sys
import threading

import pytest

from kenko.runtime.clock import ManualClock
from kenko.stream.watchdog import Commit, Snapshot, Verdict, Watch, Watchdog, look

LIMIT = 90.0


def looks(steps):
    """Run `look` every 5 s over snapshots; -> the verdicts. A step is (snapshots, {"waiting": …, "behind": …})."""
    watch, now, verdicts = Watch(0.0), 0.0, []
    for count, snapshot in steps:
        for _ in range(count):
            now += 5.0
            verdict, watch = look(watch, Snapshot(at_s=now, **snapshot), now, LIMIT)
            verdicts.append(verdict)
    return verdicts


@pytest.mark.parametrize(
    ("steps", "last"),
    [
        # nothing to do
        ([(100, {})], Verdict.ALIVE),
        # behind, and moving
        ([(10, {"behind": {0: n}}) for n in range(20)], Verdict.ALIVE),
        # behind, standing still: only after the limit
        ([(19, {"behind": {0: 7}})], Verdict.ALIVE),
        ([(20, {"behind": {0: 7}})], Verdict.STALLED),
        # one partition moves, the other does not
        ([(5, {"behind": {0: 7, 1: n}}) for n in range(4)], Verdict.STALLED),
        # it comes to its tick, and is behind the next one
        ([(15, {"behind": {0: 7}}), (1, {}), (15, {"behind": {0: 7}})], Verdict.ALIVE),
        # waiting is alive, and time spent waiting does not count afterwards
        ([(500, {"waiting": True, "behind": {0: 7}}), (19, {"behind": {0: 7}})], Verdict.ALIVE),
    ],
)
def test_look(steps, last):
    assert looks(steps)[-1] is last


def commits(steps):
    """As `looks`, every 5 s, of one partition's (committed, fence); -> the verdicts."""
    return looks([(count, {"commits": {0: Commit(committed, fence)}}) for count, committed, fence in steps])


@pytest.mark.parametrize(
    ("steps", "last"),
    [
        # it follows
        ([(5, n, n) for n in range(30)], Verdict.ALIVE),
        # it follows a second later, whenever we look
        ([(1, n, n + 7) for n in range(60)], Verdict.ALIVE),
        # just taken over, and none was committed yet: the fence has not moved
        ([(100, None, 7)], Verdict.ALIVE),
        # it moves after long, and Kafka has had no second for it
        ([(100, None, 7), (1, None, 8)], Verdict.ALIVE),
        # the fence moves on and on, and Kafka takes nothing: since it first moved, not since we own it
        ([(100, None, 7), *((1, None, 8 + n) for n in range(19))], Verdict.ALIVE),
        ([(100, None, 7), *((1, None, 8 + n) for n in range(20))], Verdict.UNCOMMITTED),
        ([(1, 5, 5 + n) for n in range(21)], Verdict.UNCOMMITTED),
        # one tick a minute is enough to tell
        ([(12, 5, 5), (12, 5, 6), (12, 5, 7), (1, 5, 8)], Verdict.UNCOMMITTED),
        # Kafka is away: no fence moves, so nothing is known
        ([(1, 5, 5), (500, 5, 6)], Verdict.ALIVE),
        # it was taken at last
        ([(1, 5, 5 + n) for n in range(19)] + [(1, 23, 24), (1, 23, 25)], Verdict.ALIVE),
        # Redis is older than it was: the fence went back, and the offset with it
        ([(5, 90, 90), (1, 90, 40), (1, 40, 41)], Verdict.ALIVE),
    ],
)
def test_look_at_commits(steps, last):
    assert commits(steps)[-1] is last


def test_one_partition_whose_offset_stands_is_enough_and_one_that_left_is_forgotten():
    both = [{0: Commit(n, n), 1: Commit(5, 5 + n)} for n in range(21)]
    assert looks([(1, {"commits": seen}) for seen in both])[-1] is Verdict.UNCOMMITTED
    left = [*both[:15], {0: Commit(15, 15)}, *both[16:21]]
    assert looks([(1, {"commits": seen}) for seen in left])[-1] is Verdict.ALIVE


def test_time_spent_waiting_does_not_count():
    moving = [(1, {"commits": {0: Commit(5, 5 + n)}}) for n in range(19)]
    assert looks([*moving, (1, {"waiting": True}), *moving])[-1] is Verdict.ALIVE


STUCK = """
import asyncio, time
from kenko.runtime.clock import SystemClock
from kenko.stream.watchdog import Watchdog

async def holds_the_loop():
    watchdog = Watchdog(SystemClock(), limit_s=0.2)
    watchdog.start()
    time.sleep(60)

asyncio.run(holds_the_loop())
"""


def test_a_stuck_process_says_where_it_stands_and_ends_with_code_1():
    ended = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=50, check=False)
    assert ended.returncode == 1
    assert "loop_stuck" in ended.stdout + ended.stderr
    assert "in holds_the_loop" in ended.stderr


def test_a_loop_that_says_nothing_is_stuck():
    watch = Watch(looked_s=95.0)
    assert look(watch, Snapshot(at_s=10.0), 100.0, LIMIT)[0] is Verdict.ALIVE
    assert look(watch, Snapshot(at_s=9.0), 100.0, LIMIT)[0] is Verdict.LOOP_STUCK


def test_a_process_that_was_stopped_as_a_whole_goes_on():
    verdict, watch = look(Watch(looked_s=5.0, stalls={0: (7, 0.0)}), Snapshot(at_s=5.0), 3600.0, LIMIT)
    assert (verdict, watch) == (Verdict.ALIVE, Watch(3600.0))


async def test_the_thread_ends_a_process_whose_loop_is_stuck():
    ended = threading.Event()
    clock = SteppingClock()
    watchdog = Watchdog(clock, limit_s=0.04, end=lambda verdict: verdict is Verdict.LOOP_STUCK and ended.set())
    watchdog.tell(waiting=False, behind={}, commits={})
    watchdog.start()
    assert await asyncio.to_thread(ended.wait, 10)
    watchdog.stop()


class SteppingClock(ManualClock):
    """Each look at it takes 11 ms."""

    def monotonic(self):
        self.advance(11)
        return super().monotonic()
