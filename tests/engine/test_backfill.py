"""History that is loaded changes scores, and its transitions say so; what comes after it is told as ever."""

from __future__ import annotations

import pytest

from kenko.engine.partition import PartitionFold
from kenko.engine.scorer import Scorer
from kenko.model import load_model
from schemas.health import Zone

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def run(scorer, events, ticks):
    """Transitions of one account: events are applied at the beginning, or right after the tick they name."""
    fold = PartitionFold(scorer, partition=0)
    fold.adopt({"acme": None})
    told, offset = [], 0
    for number, now_ms in enumerate(ticks):
        fold.tick(offset, now_ms, None)
        told += fold.evaluate(fold.select_due([]), offset)
        fold.drain()
        for after, event in events:
            if after == number:
                offset += 1
                fold.apply(offset, event)
        offset += 1
        fold.tick(offset, now_ms, None)
        told += fold.evaluate(fold.select_due([]), offset)
        offset += 1
    return told


def history(event, start, **more):
    """A few logins, long ago: enough to be known, too few to be healthy."""
    made = [event(id_=f"h{n}", at=start - 6 * DAY_MS + n) for n in range(3)]
    return [(0, item.model_copy(update={"backfill": True, **more})) for item in made]


def test_an_account_that_history_finds_red_is_told_to_nobody(small, event, start):
    [found] = run(small, history(event, start), [start])
    assert (found.to_zone, found.active, found.backfill) == (Zone.RED, True, True)


def test_the_same_without_the_mark_is_told(small, event, start):
    [found] = run(small, history(event, start, backfill=False), [start])
    assert (found.to_zone, found.backfill) == (Zone.RED, False)


def test_what_happens_after_history_was_loaded_is_told(small, event, start):
    good = [(0, event(id_=f"g{n}", at=start - n * HOUR_MS).model_copy(update={"backfill": True})) for n in range(12)]
    bad = (1, event("NPS", id_="bad", at=start + 3 * HOUR_MS, score=0))
    green, red = run(small, [*good, bad], [start, start + 3 * HOUR_MS])
    assert (green.to_zone, green.backfill) == (Zone.GREEN, True)
    assert (red.to_zone, red.backfill) == (Zone.RED, False)


@pytest.mark.parametrize(
    ("hours", "quiet"),
    [
        (48, True),  # red has to last for two days: it is the history that is two days old
        (49, True),
        (50, False),  # an hour beyond: what it takes now would have come without the history too
    ],
)
def test_what_has_to_last_is_quiet_as_long_as_it_had_to(small_text, event, start, hours, quiet):
    model = load_model(small_text.replace("clear_above: 45, for: 0s", "clear_above: 45, for: 2d"))
    told = run(Scorer(model), history(event, start), [start, start + hours * HOUR_MS])
    [red] = [item for item in told if item.to_zone is Zone.RED]
    assert red.backfill is quiet


def test_when_it_was_loaded_survives_the_row(small, event, start):
    fold = PartitionFold(small, partition=0)
    fold.adopt({"acme": None})
    fold.tick(0, start, None)
    for offset, (_, item) in enumerate(history(event, start), start=1):
        fold.apply(offset, item)
    fold.tick(9, start + 500, None)
    fold.evaluate(fold.select_due([]), 9)
    [change] = fold.drain()
    assert small.decode("acme", change.state).backfilled_ms == start + 500
