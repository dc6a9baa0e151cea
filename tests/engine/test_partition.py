from __future__ import annotations

import pytest

from kenko.engine import recent_ids
from kenko.engine.partition import Outcome, PartitionFold
from kenko.engine.rows import Row
from schemas.health import Standing, Zone
from schemas.transition import Cause

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def fold(small, start):
    fold = PartitionFold(small, partition=3)
    fold.adopt({"acme": None})
    fold.tick(0, start, None)
    return fold


def evaluate(fold, offset, time_ms, stored_due=()):
    fold.tick(offset, time_ms, None)
    due = fold.select_due(stored_due)
    fold.adopt(dict.fromkeys(fold.missing(due)))
    return fold.evaluate(due, offset)


def test_each_event_has_one_outcome_and_all_are_counted(fold, event, start):
    horizon_ms = fold.scorer.horizon_ms
    outcomes = [
        fold.apply(1, event(id_="a")),
        fold.apply(2, event(id_="a")),  # the same source and id
        fold.apply(3, event(id_="a", source="other")),
        fold.apply(4, event(id_="b", at=start - horizon_ms)),  # the oldest that counts
        fold.apply(5, event(id_="c", at=start - horizon_ms - 1)),
        fold.apply(3, event(id_="d")),  # at or below the row's offset
        fold.apply(6, event(id_="e", score="seven")),
        fold.apply(7, event("NPS", id_="f", score="seven")),
    ]
    assert outcomes == ["applied", "duplicate", "applied", "applied", "too_late", "already", "applied", "applied"]
    assert dict(fold.counts) == {
        "applied": 5,
        "duplicate": 1,
        "too_late": 1,
        "already": 1,
        "ticks": 1,
        "ignored_values": 1,
    }
    assert all(type(name) is str for name in fold.counts), "they are stored as JSON"


def test_before_the_first_tick_nothing_is_too_late_and_nothing_is_due(small, event):
    fold = PartitionFold(small, partition=0)
    fold.adopt({"acme": None})
    assert fold.apply(0, event(at=0)) is Outcome.APPLIED
    with pytest.raises(ValueError, match="before the first tick"):
        fold.select_due([])


def test_an_account_must_be_adopted_before_it_is_touched(fold, event):
    assert fold.missing(["acme", "other", "other"]) == ["other"]
    with pytest.raises(KeyError):
        fold.apply(1, event(account="other"))


def test_a_tick_far_ahead_of_its_own_timestamp_is_ignored(fold, start):
    limit = 15 * 60_000
    assert fold.tick(1, start + limit, start)
    assert not fold.tick(2, start + 2 * limit + 1, start + limit)
    assert fold.tick(3, start + 10 * limit, None)
    assert (fold.now_ms, fold.counts["ticks"], fold.counts["ticks_ignored"]) == (start + 10 * limit, 3, 1)


def test_an_older_tick_evaluates_at_the_time_it_is(fold, event, start):
    fold.tick(1, start + HOUR_MS, None)
    fold.apply(2, event("Other"))
    (transition,) = evaluate(fold, 3, start)
    assert transition.time.timestamp() * 1000 == start + HOUR_MS


def test_the_first_known_zone_is_a_crossing(fold, event, start):
    fold.apply(1, event("Other", at=start - 7 * DAY_MS))
    (transition,) = evaluate(fold, 2, start + 500)
    assert (transition.from_zone, transition.to_zone) == (None, Zone.RED)
    assert (transition.rule, transition.partition, transition.offset) == ("zone", 3, 2)
    assert transition.cause is Cause.BEHAVIOUR
    assert transition.receipt.score == 12.5
    assert transition.receipt.standing is Standing.SCORED
    assert (transition.receipt.change.before, transition.receipt.change.after) == (None, 12.5)
    assert transition.receipt.last_seen.timestamp() * 1000 == start - 7 * DAY_MS


def test_an_account_is_touched_until_it_was_evaluated(fold, event, start):
    fold.apply(1, event())
    (change,) = fold.drain()
    assert (change.due_ms, change.score_centi) == (0, None)
    evaluate(fold, 2, start + 500, [(0, "acme")])
    (change,) = fold.drain()
    # (3 * 10 + 100) / 4 = 32.5; recency moves first, 6 hours after the event
    assert (change.due_ms, change.score_centi) == (start + 6 * HOUR_MS, 32_50)
    assert fold.drain() == []


def test_a_silent_account_goes_red_without_an_event(fold, event, start):
    for number in range(8):
        fold.apply(number + 1, event(id_=str(number)))
    transitions = evaluate(fold, 20, start + 1)  # (3 * 80 + 100) / 4 = 85
    (change,) = fold.drain()
    offset = 21
    while change.due_ms is not None:
        transitions += evaluate(fold, offset, change.due_ms, [(change.due_ms, "acme")])
        (change,) = fold.drain()
        offset += 1
    # The logins leave after a week: (3 * 0 + 50) / 4 = 12.5.
    assert [(t.from_zone, t.to_zone, t.receipt.score) for t in transitions] == [
        (None, Zone.GREEN, 85.0),
        (Zone.GREEN, Zone.RED, 12.5),
    ]
    assert transitions[1].time.timestamp() * 1000 == start + 7 * DAY_MS
    assert transitions[1].cause is Cause.PASSING_TIME
    assert offset < 21 + 15 * 28 + 10, "once flat, nothing is due any more"


def test_a_hold_ends_without_an_event(fold, event, start):
    for number in range(5):
        fold.apply(number + 1, event(id_=str(number)))
    assert evaluate(fold, 9, start + 1) == []  # (3 * 50 + 100) / 4 = 62.5: yellow, after an hour
    assert fold.drain()[0].due_ms == start + 1 + HOUR_MS
    assert evaluate(fold, 10, start + HOUR_MS, [(start + 1 + HOUR_MS, "acme")]) == []
    (transition,) = evaluate(fold, 11, start + 1 + HOUR_MS, [(start + 1 + HOUR_MS, "acme")])
    assert (transition.to_zone, transition.cause) == (Zone.YELLOW, Cause.PASSING_TIME)


def test_a_renewal_is_no_use_of_the_product(fold, event, start):
    fold.apply(1, event("Used", id_="u", at=start - 9 * DAY_MS))
    fold.apply(2, event("Signed", id_="s", at=start - DAY_MS))
    (transition,) = evaluate(fold, 3, start + 30 * DAY_MS)
    assert transition.receipt.last_seen.timestamp() * 1000 == start - 9 * DAY_MS


def test_churn_takes_the_zone_and_a_new_contract_gives_it_back(fold, event, start):
    fold.apply(1, event("Other"))
    evaluate(fold, 2, start)
    fold.apply(3, event("Cancelled", id_="c", at=start + 1))
    (gone,) = evaluate(fold, 4, start + 2)
    assert (gone.from_zone, gone.to_zone, gone.receipt.standing) == (Zone.RED, None, Standing.CHURNED)
    assert (gone.receipt.score, gone.cause) == (None, Cause.BEHAVIOUR)
    (change,) = fold.drain()
    assert (change.due_ms, change.score_centi) == (None, None)
    fold.apply(5, event("Signed", id_="s", at=start + 3))
    (back,) = evaluate(fold, 6, start + 4)
    assert (back.from_zone, back.to_zone) == (None, Zone.RED)


def test_what_is_due_is_ordered_and_limited(small, event, start):
    fold = PartitionFold(small, partition=0, due_budget=3)
    fold.adopt(dict.fromkeys(["b", "a", "é"]))
    fold.tick(0, start, None)
    fold.apply(1, event(account="b"))
    fold.apply(2, event(account="é"))
    stored = [(5, "x"), (5, "b"), (7, "a"), (start + 1, "later")]
    assert fold.select_due(stored) == ["b", "é", "x"], "touched first, then by due time; b is overlaid"
    assert fold.changed_count() == 2
    fold.due_budget = 10
    assert fold.select_due(stored) == ["b", "é", "x", "a"]


def test_an_account_that_is_not_due_or_not_there_is_passed_over(fold, event, start):
    fold.apply(1, event())
    evaluate(fold, 2, start)
    fold.drain()
    fold.adopt({"nobody": None})
    assert fold.evaluate(["nobody", "acme"], 3) == []
    assert fold.counts["evaluated"] == 1
    assert [change.account_id for change in fold.drain()] == ["acme"], "written again, so that its due time is mended"


def test_a_row_ahead_of_the_log_is_passed_over_and_handed_out_again(small, event, start):
    fold = PartitionFold(small, partition=0)
    fold.adopt({"acme": None})
    fold.tick(0, start, None)
    fold.apply(1, event())
    evaluate(fold, 2, start)
    (change,) = fold.drain()
    again = PartitionFold(small, partition=0, now_ms=start)
    again.adopt({"acme": Row(change.state, list(change.id_chunks), change.tail)})
    assert again.apply(1, event()) is Outcome.ALREADY
    assert again.evaluate(["acme"], 2) == []
    (mended,) = again.drain()
    assert (mended.state, mended.due_ms, mended.score_centi) == (change.state, change.due_ms, change.score_centi)


def test_only_rows_that_are_written_leave_the_working_set_oldest_first(fold, event):
    fold.adopt(dict.fromkeys(["a", "b", "c"]))
    fold.apply(1, event(account="a"))
    fold.evict(2)
    assert fold.missing(["acme", "a", "b", "c"]) == ["acme", "b"]
    fold.drain()
    fold.evict(0)
    assert fold.missing(["a", "c"]) == ["a", "c"]


def test_an_id_leaves_the_row_one_commit_after_it_was_over(fold, event, start):
    ids = []
    for at, hours in enumerate([0, 24, 25, 26]):
        fold.tick(2 * at + 1, start + hours * HOUR_MS, None)
        fold.apply(2 * at + 2, event(id_=str(at)))
        (change,) = fold.drain()
        ids.append((len(change.tail) - 4) // 13)  # each is of an hour of its own
    assert ids == [1, 2, 3, 3]


def test_an_account_that_is_merely_due_hands_its_ids_on_until_they_are_over(small, event, start, monkeypatch):
    monkeypatch.setattr(recent_ids, "TAIL_BYTES", 13)
    fold = PartitionFold(small, partition=0)
    fold.adopt({"acme": None})
    fold.tick(0, start, None)
    fold.apply(1, event())
    evaluate(fold, 2, start)
    (written,) = fold.drain()
    assert len(written.id_chunks) == 1

    due = PartitionFold(small, partition=0, now_ms=start + 24 * HOUR_MS)
    due.adopt({"acme": Row(written.state, None, written.tail)})
    evaluate(due, 3, start + 25 * HOUR_MS, [(0, "acme")])
    (kept,) = due.drain()
    assert (kept.tail, kept.drop_ids_through) == (written.tail, None)
    evaluate(due, 4, start + 26 * HOUR_MS, [(0, "acme")])
    (over,) = due.drain()
    assert (over.tail, over.drop_ids_through) == (b"", 3), "not one commit earlier: a replay could have asked for them"


def test_ids_that_are_not_there_are_asked_for_before_a_record_is_applied(small, event, start, monkeypatch):
    monkeypatch.setattr(recent_ids, "TAIL_BYTES", 13)
    fold = PartitionFold(small, partition=0)
    fold.adopt({"acme": None})
    fold.tick(0, start, None)
    fold.apply(1, event())
    (written,) = fold.drain()
    row = Row(written.state, list(written.id_chunks), written.tail)

    again = PartitionFold(small, partition=0, now_ms=start)
    again.adopt({"acme": row._replace(ids=None), "new": None})
    assert again.lacking_ids(["acme", "new", "nobody"]) == ["acme"]
    with pytest.raises(ValueError, match="without its ids"):
        again.apply(2, event())
    again.adopt({"acme": row})
    assert again.lacking_ids(["acme"]) == []
    assert again.apply(2, event()) is Outcome.DUPLICATE


def test_ids_that_stand_in_the_row_alone_need_not_be_asked_for(small, event, start):
    fold = PartitionFold(small, partition=0)
    fold.adopt({"acme": None})
    fold.tick(0, start, None)
    fold.apply(1, event())
    (written,) = fold.drain()

    again = PartitionFold(small, partition=0, now_ms=start)
    again.adopt({"acme": Row(written.state, None, written.tail)})
    assert again.lacking_ids(["acme"]) == []
    assert again.apply(2, event()) is Outcome.DUPLICATE


def test_a_row_is_kept_small(fold, event, start):
    fold.apply(1, event())
    new = fold.scorer.decode("acme", fold.drain()[0].state)
    assert new.base is None, "nothing was evaluated yet, so there is no step to split"
    evaluate(fold, 2, start, [(0, "acme")])
    fold.apply(3, event(id_="2"))
    assert fold.scorer.decode("acme", fold.drain()[0].state).base is not None
    evaluate(fold, 4, start, [(0, "acme")])
    assert fold.scorer.decode("acme", fold.drain()[0].state).base is None


def test_another_due_budget_gives_other_transition_ids(small, event, start):
    ids = set()
    for budget in (1000, 10):
        fold = PartitionFold(small, partition=0, due_budget=budget)
        fold.adopt({"acme": None})
        fold.tick(0, start, None)
        fold.apply(1, event())
        ids |= {(t.id, t.score_hash) for t in evaluate(fold, 2, start)}
    assert len(ids) == 2


def test_a_transition_id_stays_what_it_is(fold, event, start):
    fold.apply(1, event())
    (transition,) = evaluate(fold, 2, start)
    assert transition.id == "63b78f7f994e7bd0f18c6aefa3668673"
