"""The lean path: rows built without validation, times read by hour, and a fold without a store give the same."""

import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kenko.backtest.event_file import FileEvent
from kenko.backtest.fold import OfflineFold
from kenko.backtest.history import History
from kenko.backtest.lean_event import LeanEvent
from kenko.backtest.march import March, Pace, Stop, Ticked
from kenko.backtest.memory_fold import MemoryFold
from kenko.backtest.plan import TickAll, plan
from kenko.backtest.time_column import TimeColumn
from kenko.dialects.times import parse_time
from kenko.model import load_model
from kenko.model.limits import DUE_BUDGET
from schemas.base import from_ms, to_ms, trusted
from schemas.usage_event import UsageEvent

_spec = importlib.util.spec_from_file_location("small_history", Path(__file__).with_name("small_history.py"))
small_history = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(small_history)
MODEL, MODEL_TEXT, iso, make, write = (
    small_history.MODEL,
    small_history.MODEL_TEXT,
    small_history.iso,
    small_history.make,
    small_history.write,
)

RICH = load_model(
    MODEL_TEXT.replace("  seen:", "  trend: {trend: {of: actions, baseline: 28d}}\n  seen:").replace(
        "    recency:",
        "    course: {weight: 2, inputs: [{signal: trend, missing: last, curve: {points: [[0, 0], [1, 100]]}}]}\n    recency:",
    )
    + """
rules:
  - {name: fast-drop, kind: churn, drop: {points: 10, within: 7d}}
  - {name: gone-quiet, kind: churn, silence: {factor: 3}}
  - {name: few, kind: support, signal: {users: {lt: 2}}, for: 1d, clear_for: 2d}
profiles:
  - {name: rich, when: {mrr: {gte: 100}}, override: {zones.red: {below: 55, clear_above: 58}}}
calibration: {within: 90d, points: [[0, 0.4], [100, 0.01]]}
"""
)
"""Whatever the engine does with time, the past and rules."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BASE_MS = 1_704_067_200_000

moments = st.integers(0, 120 * DAY_MS // 60_000).map(lambda minutes: BASE_MS + minutes * 60_000)
one_event = st.tuples(
    moments,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from([None, "u1", "u2"]),
    st.sampled_from(["click", "deal", "subscription_cancelled", "subscription_renewed", "other"]),
    st.sampled_from([{}, {"value": 12.5}, {"value": 400.0}, {"value": float("nan")}, {"mrr": 250.0}]),
)


def _timed(rows):
    made = []
    for number, (time_ms, account, user, name, properties) in enumerate(sorted(rows, key=lambda row: row[0])):
        fields = {"source": "f", "account_id": account, "user_id": user, "event": name, "properties": properties}
        made.append(
            (
                time_ms,
                trusted(UsageEvent, id=str(number), time=from_ms(time_ms), received_at=None, backfill=False, **fields),
            )
        )
    return made


def _lean(timed):
    return [
        (
            time_ms,
            LeanEvent(event.account_id, event.user_id, event.event, event.properties, event.source, int(event.id)),
        )
        for time_ms, event in timed
    ]


def _offline(model, timed, interval_ms, until_ms):
    """The reference: the plan of a replay through the store."""
    fold, transitions, ticks = OfflineFold(model, partitions=1), [], []
    files = [FileEvent(at, time_ms, event.account_id, {}) for at, (time_ms, event) in enumerate(timed)]
    for step in plan(files, interval_ms=interval_ms, until_ms=until_ms):
        if isinstance(step, TickAll):
            ticks.append(step.time_ms)
            transitions += fold.tick(step.time_ms)
        else:
            for item in step.events:
                fold.apply(timed[item.line][1])
    return fold, transitions, ticks


@given(
    model=st.sampled_from([MODEL, RICH]),
    rows=st.lists(one_event, min_size=1, max_size=40),
    interval_ms=st.sampled_from([HOUR_MS, 7 * HOUR_MS, DAY_MS]),
    until_ms=st.none() | moments.map(lambda ms: ms // HOUR_MS * HOUR_MS + HOUR_MS),
    stops=st.lists(moments, max_size=3).map(sorted),
    ids_repeat=st.booleans(),
)
@settings(max_examples=max(40, settings.default.max_examples), deadline=None)
def test_the_memory_fold_gives_the_scores_and_transitions_of_the_offline_fold(
    model, rows, interval_ms, until_ms, stops, ids_repeat
):
    timed = _timed(rows)
    fold = MemoryFold(model, ids_repeat=ids_repeat)
    read = timed if ids_repeat else _lean(timed)
    found = list(March([fold], Pace(interval_ms, until_ms), stops).through(iter(read)))
    reference, transitions, ticks = _offline(model, timed, interval_ms, until_ms)
    assert [moment.time_ms for moment in found if isinstance(moment, Ticked)] == ticks
    assert [t for moment in found if isinstance(moment, Ticked) for t in moment.transitions[0]] == transitions
    if fold.now_ms is not None:
        scores = {state.account_id: fold.scorer.health(state, fold.now_ms) for state in fold.states()}
        assert scores == {health.account_id: health for health in reference.scores()}


@given(rows=st.lists(one_event, min_size=1, max_size=20), stops=st.lists(moments, max_size=4).map(sorted))
@settings(max_examples=max(40, settings.default.max_examples), deadline=None)
def test_a_stop_comes_after_the_ticks_and_events_before_it_and_ahead_of_the_others(rows, stops):
    class Fold:
        def __init__(self):
            self.seen = []

        def apply(self, time_ms, event):
            assert time_ms == to_ms(event.time)
            self.seen.append(time_ms)

        def tick(self, time_ms):
            self.seen.append(time_ms)

        gathered = 0

        def flush(self):
            return []

    fold, timed = Fold(), _timed(rows)
    until_ms = BASE_MS + 121 * DAY_MS
    passed = []
    for moment in March([fold], Pace(HOUR_MS, until_ms), stops).through(iter(timed)):
        if isinstance(moment, Stop):
            passed.append(moment.time_ms)
            assert all(time_ms <= moment.time_ms for time_ms in fold.seen)
            assert sum(time_ms < moment.time_ms for time_ms, _ in timed) == sum(
                to_ms(event.time) in fold.seen and time_ms < moment.time_ms for time_ms, event in timed
            )
    assert passed == stops


def test_an_event_at_the_end_is_left_out_though_the_next_tick_is_far_ahead():
    rows = [(BASE_MS, "a", "u", "click", {}), (BASE_MS + HOUR_MS, "a", "u", "click", {})]
    fold = MemoryFold(MODEL)
    march = March([fold], Pace(7 * HOUR_MS, BASE_MS + HOUR_MS))
    assert [moment.time_ms for moment in march.through(iter(_timed(rows)))] == [BASE_MS + HOUR_MS]
    assert (march.events, fold.counts["applied"]) == (1, 1)


def test_more_accounts_than_a_tick_may_evaluate_are_all_evaluated_at_it():
    rows = [(BASE_MS, f"a{number}", None, "click", {}) for number in range(DUE_BUDGET * 2 + 5)]
    fold = MemoryFold(MODEL)
    list(March([fold], Pace()).through(iter(_timed(rows))))
    assert fold.counts["evaluated"] == len(rows)
    assert fold.counts["ticks"] == 1, "a fold of this file's size in Redis would need three"


def test_a_repeated_id_is_counted_and_changes_nothing_where_ids_may_repeat():
    [once] = _timed([(BASE_MS, "a", "u", "click", {})])
    late = (BASE_MS + 2 * HOUR_MS, once[1])
    counts = []
    for ids_repeat in (True, False):
        fold = MemoryFold(MODEL, ids_repeat=ids_repeat)
        list(March([fold], Pace()).through(iter([once, once, late])))
        counts.append((fold.counts["applied"], fold.counts["duplicate"]))
    assert counts == [(1, 2), (3, 0)]


def test_it_makes_no_difference_after_how_many_events_accounts_are_taken_through_them(monkeypatch):
    rows = [(BASE_MS + number * HOUR_MS // 3, f"a{number % 7}", "u", "click", {}) for number in range(500)]
    found = []
    for gathered in (1, 13, 10_000):
        monkeypatch.setattr("kenko.backtest.march.GATHERED", gathered)
        fold = MemoryFold(MODEL)
        moments = list(March([fold], Pace(HOUR_MS), [BASE_MS + 50 * HOUR_MS]).through(iter(_timed(rows))))
        found.append((moments, fold.counts, list(fold.states())))
    assert found[0] == found[1] == found[2]


def test_a_lean_event_says_what_the_validated_one_says():
    fields = {"source": "f", "account_id": "a", "user_id": None, "event": "click", "properties": {"value": 1.5}}
    made, event = LeanEvent(row=17, **fields), UsageEvent(id="17", time=from_ms(BASE_MS), **fields)
    assert [getattr(made, name) for name in (*fields, "id")] == [getattr(event, name) for name in (*fields, "id")]
    with pytest.raises(AttributeError, match="immutable"):
        made.event = "other"


@given(
    st.lists(
        st.datetimes(datetime(2024, 2, 28), datetime(2024, 3, 1)).map(lambda time: iso(time.replace(tzinfo=UTC)))  # noqa: DTZ001
        | st.sampled_from(
            ["", "2024-02-30T00:00:00Z", "2024-02-29T23:59:60Z", "2024-02-29", "2024-02-29T12:00:00+09:00"]
        )
    )
)
def test_a_column_of_times_reads_what_one_time_reads(texts):
    column = TimeColumn()
    for text in texts:
        assert _outcome(column.read, text) == _outcome(_one, text)


def _one(text):
    try:
        return to_ms(parse_time(text.encode()))
    except ValueError as error:
        raise ValueError(f"ts: {error}") from None


def _outcome(read, text):
    try:
        return read(text)
    except ValueError as error:
        return str(error)


def test_ids_are_folder_file_and_row(tmp_path: Path):
    (tmp_path / "set").mkdir()
    events, lifecycle, labels = make(accounts=3)
    paths = write(tmp_path / "set", events, lifecycle, labels)
    read = [event for _, event in History(paths[0], paths[1]).read()]
    assert len({(event.source, event.id) for event in read}) == len(events) + len(lifecycle)
    assert {event.source for event in read} == {"set/events", "set/lifecycle"}
