import pytest

from kenko.stream.ticks import TickReason, should_tick

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
