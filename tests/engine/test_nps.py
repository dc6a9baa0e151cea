from __future__ import annotations

import itertools
import math

import pytest

from kenko.engine.adding import BAD, SAME
from kenko.engine.identity import keyed_hash
from kenko.engine.signals.nps import NpsKind
from kenko.model.signal_spec import Nps

DAY_MS = 86_400_000
NOW = 20_000 * DAY_MS
STALE_MS = 30 * DAY_MS
HORIZON_MS = 60 * DAY_MS


def kind_of(stale_after_ms=STALE_MS, *, is_average=False):
    spec = Nps("score", stale_after_ms, is_average=is_average)
    return NpsKind(0, keyed_hash(b"k"), spec, HORIZON_MS)


def answered(kind, event, *answers):
    """A cell after (user, answer, days ago) each."""
    cells = [kind.empty()]
    for number, (user, score, days) in enumerate(answers):
        kind.add(cells, event("NPS", user=user, score=score), NOW - int(days * DAY_MS), str(number).encode())
    return cells[0]


@pytest.mark.parametrize(
    ("scores", "nps", "mean"),
    [
        ([10], 100, 10),
        ([9], 100, 9),  # promotes from 9 on
        ([8.5], 0, 8.5),
        ([7], 0, 7),  # passive
        ([6.1], 0, 6.1),
        ([6], -100, 6),  # detracts up to 6
        ([0], -100, 0),
        ([10, 9, 8, 0], 25, 6.75),
        ([10, 7, 7], 33.333333, 8),
        ([0, 7, 7], -33.333333, 4.666667),
        ([], None, None),
    ],
)
def test_promoters_less_detractors_and_the_mean(event, scores, nps, mean):
    answers = [(f"user {number}", score, 1) for number, score in enumerate(scores)]
    for expected, is_average in ((nps, False), (mean, True)):
        kind = kind_of(is_average=is_average)
        raw = kind.measure(answered(kind, event, *answers), NOW)
        assert (None if raw is None else kind.value(raw)) == expected


def test_only_the_latest_answer_of_a_user_counts_whatever_the_order(event):
    kind = kind_of(is_average=True)
    answers = [(10, NOW - 5 * DAY_MS, b"a"), (2, NOW, b"a"), (3, NOW, b"b"), (9, NOW - 9 * DAY_MS, b"z")]
    for order in itertools.permutations(answers):
        cells = [kind.empty()]
        for score, at, digest in order:
            assert kind.add(cells, event("NPS", user="ann", score=score), at, digest) != BAD
        assert kind.advance(cells[0], NOW) == (3_000_000, NOW + STALE_MS)


def test_answers_without_a_user_are_those_of_one(event):
    kind = kind_of()
    assert kind.measure(answered(kind, event, (None, 10, 3), (None, 0, 1), ("ann", 10, 2)), NOW) == 0


def test_an_answer_stops_to_count_exactly_when_it_is_stale(event):
    kind = kind_of()
    cell = answered(kind, event, ("ann", 10, 1), ("bob", 0, 2))
    first, last = NOW - 2 * DAY_MS + STALE_MS, NOW - DAY_MS + STALE_MS
    assert kind.advance(cell, first - 1) == (0, first)
    assert kind.advance(cell, first) == (100_000_000, last)
    assert kind.advance(cell, last) == (None, None)


def test_a_stale_answer_hides_an_older_one_that_comes_late(event):
    kind = kind_of()
    cells = [answered(kind, event, ("ann", 10, 0))]
    later = NOW + STALE_MS
    assert kind.advance(cells[0], later) == (None, None)
    kind.add(cells, event("NPS", user="ann", score=0), NOW - DAY_MS, b"late")
    assert kind.advance(cells[0], later - DAY_MS)[0] == 100_000_000, "the older one has not taken its place"


def test_an_answer_is_forgotten_when_nothing_older_can_come(event):
    kind = kind_of()
    cell = answered(kind, event, ("ann", 10, 0))
    kind.forget(cell, NOW + HORIZON_MS)
    assert len(cell) == 1, "an event as old as the horizon is still taken"
    kind.forget(cell, NOW + HORIZON_MS + 1)
    assert cell == {}


def test_without_staleness_an_answer_counts_for_ever(event):
    kind = kind_of(None)
    cell = answered(kind, event, ("ann", 10, 0))
    assert kind.advance(cell, NOW + 1000 * DAY_MS) == (100_000_000, None)


@pytest.mark.parametrize("score", [-0.01, 10.01, 11, -1, math.nan, math.inf, "9", True, [9], {"a": 9}, 10**400])
def test_an_answer_outside_0_to_10_is_ignored_and_counted(event, score):
    kind = kind_of()
    cells = [kind.empty()]
    odd = event("NPS").model_copy(update={"properties": {"score": score}})
    assert kind.add(cells, odd, NOW, b"d") == BAD
    assert kind.add(cells, event("NPS"), NOW, b"d") == SAME, "no answer is no mistake"
    assert cells == [{}]


def test_no_user_id_is_kept_with_an_answer(event):
    kind = kind_of()
    assert "ann" not in repr(answered(kind, event, ("ann@example.com", 9, 0)))
