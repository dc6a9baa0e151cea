"""The plan: which ticks exist, and where they stand between the events."""

from hypothesis import given
from hypothesis import strategies as st

from kenko.backtest.event_file import FileEvent
from kenko.backtest.plan import DAY_MS, QUIET_MS, Send, TickAll, closing_tick, plan, settle

HOUR_MS = 3_600_000


def _events(*times):
    return [FileEvent(line, time_ms, "a", {}) for line, time_ms in enumerate(times, start=1)]


def _short(steps):
    return [step.time_ms if isinstance(step, TickAll) else [event.time_ms for event in step.events] for step in steps]


def test_a_tick_comes_after_every_event_before_it_and_ahead_of_one_at_its_own_time():
    assert _short(plan(_events(5, 99, 100, 250), interval_ms=100)) == [[5, 99], 100, [100], 200, [250], 300]


def test_until_is_the_last_tick_and_leaves_out_what_is_not_before_it():
    assert _short(plan(_events(5, 100, 150), interval_ms=100, until_ms=150)) == [[5], 100, [100], 150]


def test_until_after_the_end_goes_on_ticking():
    assert _short(plan(_events(5), interval_ms=100, until_ms=320)) == [[5], 100, 200, 300, 320]


def test_nothing_before_until_is_nothing():
    assert list(plan(_events(5), interval_ms=100, until_ms=5)) == []
    assert list(plan([], interval_ms=100)) == []


def test_an_event_of_the_future_is_sent_last_and_does_not_move_the_time():
    steps = list(plan(_events(5, 10_000_000), interval_ms=100, not_after_ms=1_000))
    assert _short(steps) == [[5], [10_000_000], 100]
    assert [step.newest_ms for step in steps if isinstance(step, Send)] == [5, 5]


def test_steps_are_cut_into_chunks():
    assert _short(plan(_events(1, 2, 3, 4, 5), interval_ms=100, chunk=2)) == [[1, 2], [3, 4], [5], 100]


def test_after_a_month_of_quiet_the_ticks_are_daily_and_then_hourly_again():
    end = 400 * DAY_MS + 5 * HOUR_MS + 1
    steps = list(plan(_events(0, end), interval_ms=HOUR_MS))
    ticks = [step.time_ms for step in steps if isinstance(step, TickAll)]
    assert len(ticks) < QUIET_MS // HOUR_MS + 400 + 2
    assert ticks[-1] == closing_tick(end, HOUR_MS).time_ms
    assert ticks == sorted(set(ticks))


def test_settling_takes_as_many_ticks_as_every_account_would_need():
    assert settle(7, accounts=0, due_budget=1000) == []
    assert settle(7, accounts=1000, due_budget=1000) == [TickAll(7)]
    assert settle(7, accounts=1001, due_budget=1000) == [TickAll(7)] * 2


times = st.lists(st.integers(0, 40 * DAY_MS), max_size=30).map(sorted)


@given(times=times, interval_h=st.integers(1, 30), cut=st.integers(0, 60))
def test_a_plan_until_one_of_its_ticks_is_the_same_plan_cut_there(times, interval_h, cut):
    interval_ms = interval_h * HOUR_MS
    whole = list(plan(_events(*times), interval_ms=interval_ms))
    ticks = [number for number, step in enumerate(whole) if isinstance(step, TickAll)]
    if ticks:
        end = ticks[min(cut, len(ticks) - 1)]
        assert list(plan(_events(*times), interval_ms=interval_ms, until_ms=whole[end].time_ms)) == whole[: end + 1]


@given(times=times, interval_h=st.integers(1, 30))
def test_every_event_is_sent_once_and_between_its_ticks(times, interval_h):
    now_ms = -1
    sent = []
    for step in plan(_events(*times), interval_ms=interval_h * HOUR_MS):
        if isinstance(step, TickAll):
            assert step.time_ms > now_ms
            assert all(event.time_ms < step.time_ms for event in sent)
            now_ms = step.time_ms
        else:
            assert all(event.time_ms >= now_ms for event in step.events)
            sent += step.events
    assert [event.time_ms for event in sent] == times
