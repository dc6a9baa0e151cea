from collections import Counter

import pytest

from kenko.stream.ticks import SHORTEST_PAUSE_MS, TickReason, pause_ms, should_tick, turn_start

NOW = 1_000_000


@pytest.mark.parametrize(
    ("last", "arrived", "due", "reason"),
    [
        # just taken over: tell the partition the time
        (None, False, None, TickReason.IDLE),
        (None, True, None, TickReason.ARRIVED),
        # within the interval: never
        (NOW - 499, True, 0, TickReason.NONE),
        # the interval is over
        (NOW - 500, True, None, TickReason.ARRIVED),
        (NOW - 500, False, NOW, TickReason.DUE),
        (NOW - 500, False, NOW + 1, TickReason.NONE),
        (NOW - 500, False, None, TickReason.NONE),
        # touched accounts count as due at 0
        (NOW - 500, False, 0, TickReason.DUE),
        # nothing for a minute
        (NOW - 60_000, False, None, TickReason.IDLE),
        (NOW - 59_999, False, None, TickReason.NONE),
        # the clock was set back by an hour: ticks go on
        (NOW + 3_600_000, True, None, TickReason.ARRIVED),
        (NOW + 3_600_000, False, None, TickReason.IDLE),
    ],
)
def test_should_tick(last, arrived, due, reason):
    assert should_tick(now_ms=NOW, last_tick_ms=last, interval_ms=500, arrived=arrived, next_due_ms=due) is reason


@pytest.mark.parametrize(("partitions", "interval_ms"), [(1, 500), (12, 500), (7, 100), (300, 250)])
def test_the_turns_of_the_partitions_are_spread_evenly_over_the_interval(partitions, interval_ms):
    starts = [turn_start(NOW, partition, partitions, interval_ms) for partition in range(partitions)]
    assert all(NOW - interval_ms < start <= NOW for start in starts)
    assert all(
        turn_start(NOW + interval_ms, p, partitions, interval_ms) == s + interval_ms for p, s in enumerate(starts)
    )
    begin_together = Counter(starts).values()
    assert max(begin_together) <= -(-partitions // interval_ms)


@pytest.mark.parametrize(("partitions", "interval_ms"), [(1, 500), (12, 500), (7, 100), (300, 250)])
def test_whoever_pauses_until_the_next_turn_misses_none_by_more_than_the_shortest_pause(partitions, interval_ms):
    now_ms, woken = NOW, []
    while now_ms < NOW + 2 * interval_ms:
        now_ms += pause_ms(now_ms, partitions, interval_ms)
        woken.append(now_ms)
    for partition in range(partitions):
        begins_ms = turn_start(NOW + interval_ms, partition, partitions, interval_ms)
        assert min(at - begins_ms for at in woken if at >= begins_ms) <= SHORTEST_PAUSE_MS + 2
