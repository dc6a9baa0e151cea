"""A row put aside says where it stands, and comes back with all that stood beside it."""

from __future__ import annotations

import pytest

from kenko.engine.partition import PartitionFold
from kenko.engine.restoring import restored, row_offset
from kenko.engine.rows import Row

DAY_MS = 86_400_000


@pytest.fixture
def commits(small, event, start):
    """What a fold hands out at three commits: a touched row, a scored one, and one from the store again."""
    fold = PartitionFold(small, partition=0)
    fold.adopt({"acme": None})
    fold.tick(0, start, None)
    fold.apply(1, event(id_="a"))
    handed = [fold.drain()]
    fold.tick(2, start + DAY_MS, None)
    fold.evaluate(["acme"], 2)
    handed.append(fold.drain())
    fold.evict(0)
    ((scored,),) = handed[1:]
    fold.adopt({"acme": Row(scored.state, [*handed[0][0].id_chunks], scored.tail)})
    fold.apply(3, event(id_="b", at=start + DAY_MS))
    handed.append(fold.drain())
    return [change for (change,) in handed]


def test_a_row_is_handed_out_with_the_offset_of_the_one_it_replaces(commits):
    assert [(row_offset(change.state), change.replaces) for change in commits] == [(1, None), (2, 1), (3, 2)]


def test_a_row_comes_back_with_its_due_time_and_score(small, commits):
    for change in commits:
        back = restored(small, "acme", Row(change.state, [b"chunk"], change.tail))
        assert back == change._replace(id_chunks=(b"chunk",), drop_ids_through=None, replaces=None)
    assert {change.due_ms == 0 for change in commits} == {True, False}


def test_a_row_of_another_account_is_refused(small, commits):
    with pytest.raises(ValueError, match="another account"):
        restored(small, "globex", Row(commits[0].state, []))
