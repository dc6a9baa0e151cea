import asyncio
import threading

import pytest

from kenko.runtime.clock import ManualClock
from kenko.stream.watchdog import Snapshot, Verdict, Watch, Watchdog, look

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
    watchdog.tell(waiting=False, behind={})
    watchdog.start()
    assert await asyncio.to_thread(ended.wait, 10)
    watchdog.stop()


class SteppingClock(ManualClock):
    """Each look at it takes 11 ms."""

    def monotonic(self):
        self.advance(11)
        return super().monotonic()
