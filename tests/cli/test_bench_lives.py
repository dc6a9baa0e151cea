"""The accounts that Redis is filled with are such as the engine reads, in their shares."""

from __future__ import annotations

from collections import Counter

import pytest

from kenko.cli.bench.account_rows import DAYS, MOST_OF_THE_PAST, SIZES, bench_account, life_of, lives, longest
from kenko.cli.examples import DEFAULT_MODEL
from kenko.cli.model_file import read_model
from kenko.engine.partition import Outcome, PartitionFold
from kenko.engine.rows import Row
from kenko.engine.scorer import Scorer
from schemas.base import from_ms
from schemas.usage_event import UsageEvent

NOW = 1_772_323_200_000


@pytest.fixture(scope="module")
def model():
    return read_model(DEFAULT_MODEL)


@pytest.fixture(scope="module")
def found(model):
    return lives(model, now_ms=NOW, due_ms=NOW)


def test_any_hundred_accounts_have_the_shares_of_the_mix(found):
    size_of = {id(life): size for size, its_lives in found for life in its_lives}
    counted = Counter(size_of[id(life_of(number, found))] for number in range(300, 400))
    assert counted == {size: size.share for size in SIZES}


def test_a_life_is_scored_as_another_account_and_its_last_event_is_known(model, found):
    rows = {bench_account(n): life.of(bench_account(n)) for n, life in enumerate(found[-1][1] + found[0][1], start=1)}
    fold = PartitionFold(Scorer(model), partition=0, now_ms=NOW)
    fold.adopt({account_id: Row(row.state, list(row.id_chunks), row.tail) for account_id, row in rows.items()})
    offset = longest(found) + 1
    largest, busiest = bench_account(2), SIZES[-1].events_a_day
    last = (DAYS - 1) * MOST_OF_THE_PAST + busiest

    assert fold.apply(offset, event(largest, f"{bench_account(0)}-{last}")) is Outcome.DUPLICATE
    assert fold.apply(offset + 1, event(largest, f"{bench_account(0)}-{last + 1}")) is Outcome.APPLIED
    fold.tick(offset + 2, NOW, None)
    fold.evaluate(list(rows), offset + 2)
    assert fold.counts["evaluated"] == len(rows)


def event(account_id, event_id):
    return UsageEvent(id=event_id, source="bench", account_id=account_id, event="page", time=from_ms(NOW))
