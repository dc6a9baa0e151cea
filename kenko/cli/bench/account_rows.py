"""Rows of many accounts: a few are lived through by the engine, and many accounts are given the same row.

The mix: 80% of accounts with up to 20 events a day, 15% with up to 200, 5% with up to 2,000. A life is eight weeks with a
tick a day, and a last day at the full rate with a tick after each event, so that recent ids lie as a running service has
left them. Before the last day at most 40 events a day are played: more of them change numbers in the row, not its size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from kenko.engine.partition import PartitionFold
from kenko.engine.rows import CHUNK_HEADER, Row, RowChange
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState
from kenko.model import HealthModel
from kenko.model.limits import DAY_MS, MINUTE_MS
from kenko.model.signal_spec import Unique
from kenko.store.memory_partition import MemoryPartition
from kenko.store.port import Fence, PartitionCommit
from schemas.base import from_ms
from schemas.usage_event import UsageEvent

DAYS: Final = 56
MOST_OF_THE_PAST: Final = 40
"""Events a day before the last one, at most."""
_ID_WIDTH: Final = 8
_NAMES: Final = ("Feature Used", "page", "Feature Used", "page", "Session Ended", "login", "page")
_FEATURES: Final = ("reports", "alerts", "exports", "sharing", "search", "dashboards")


class Size(NamedTuple):
    """Accounts of one size."""

    share: int
    """Of a hundred."""
    events_a_day: int
    users: int
    lives: int
    """How many different accounts are lived through, from one `lives`-th of the events a day up to all of them."""


SIZES: Final = (Size(80, 20, 8, 8), Size(15, 200, 40, 3), Size(5, 2000, 300, 2))


@dataclass(frozen=True)
class Life:
    """A row with its recent ids, to be given to many accounts; and what of its bytes is what."""

    account_id: str
    state: bytes
    chunks: tuple[bytes, ...]
    tail: bytes
    score_centi: int | None
    due_ms: int | None
    history_bytes: int
    """Of the ring of daily closes."""
    map_bytes: int
    """Of the maps that grow with users and features."""

    def of(self, account_id: str) -> RowChange:
        """The same for another account, whose id is as long."""
        state = self.state.replace(self.account_id.encode(), account_id.encode(), 1)
        return RowChange(account_id, state, self.due_ms, self.score_centi, self.chunks, tail=self.tail)


def bench_account(number: int) -> str:
    """The id of an account. All are of one length."""
    return f"account-{number:0{_ID_WIDTH}}"


def lives(model: HealthModel, *, now_ms: int, due_ms: int) -> list[tuple[Size, list[Life]]]:
    """The lives of each size, which end at `now_ms`; every row is due at `due_ms`."""
    scorer = Scorer(model)
    return [
        (size, [_life(scorer, size, turn, now_ms=now_ms, due_ms=due_ms) for turn in range(1, size.lives + 1)])
        for size in SIZES
    ]


def life_of(number: int, found: list[tuple[Size, list[Life]]]) -> Life:
    """The life of the account with this number: in any hundred accounts each size has its share."""
    place = number % 100
    for size, its_lives in found:
        if place < size.share:
            return its_lives[number // 100 % len(its_lives)]
        place -= size.share
    raise ValueError("the shares of the sizes do not add up to a hundred")


def longest(found: list[tuple[Size, list[Life]]]) -> int:
    """Chunks of recent ids of the life that has most of them."""
    return max(len(life.chunks) for _, its_lives in found for life in its_lives)


def _life(scorer: Scorer, size: Size, turn: int, *, now_ms: int, due_ms: int) -> Life:
    account_id = bench_account(0)
    per_day = size.events_a_day * turn // size.lives
    partition, fold = MemoryPartition(), PartitionFold(scorer, partition=0)
    fold.adopt({account_id: None})
    for offset, (time_ms, event) in enumerate(_events(account_id, size, per_day, now_ms)):
        if event is not None:
            fold.apply(offset, event)
        else:
            fold.tick(offset, time_ms, None)
            fold.evaluate(fold.select_due([]), offset)
            fold.take_scores()
            fence, counts = partition.fence(), dict(fold.counts)
            expected = None if fence is None else fence.offset
            after = Fence(offset=offset + 1, log_id="bench", now_ms=time_ms, counts=counts)
            partition.commit(PartitionCommit(expected, after, fold.drain()))
    row = partition.rows([account_id])[account_id]
    if row is None:
        raise ValueError("the account was not committed")
    state = scorer.decode(account_id, row.state)
    return _as_life(scorer, state, row, due_ms)


def _as_life(scorer: Scorer, state: AccountState, stored: Row, due_ms: int) -> Life:
    """The row as if it had been made by the first records of a log: the store's fence stands a little behind them."""
    ids = stored.ids or []
    state.due_ms = due_ms
    state.offset = len(ids)
    chunks = tuple(
        CHUNK_HEADER.pack(CHUNK_HEADER.unpack_from(chunk)[0], number) + chunk[CHUNK_HEADER.size :]
        for number, chunk in enumerate(ids)
    )
    row = scorer.encode(state)
    if row.count(state.account_id.encode()) != 1:
        raise ValueError("the account's id must stand in its row once")
    score = None if state.last is None else state.last.score
    maps = len(row) - len(scorer.encode(_without_maps(scorer, row, state.account_id)))
    return Life(
        state.account_id, row, chunks, stored.tail, score, due_ms, history_bytes=len(state.closes), map_bytes=maps
    )


def _without_maps(scorer: Scorer, row: bytes, account_id: str) -> AccountState:
    state = scorer.decode(account_id, row)
    for place, signal in enumerate(scorer.model.stored):
        if isinstance(signal.aggregate, Unique):
            state.signals[place] = {}
    return state


def _events(account_id: str, size: Size, per_day: int, now_ms: int) -> Iterator[tuple[int, UsageEvent | None]]:
    """In order of time; None is a tick."""
    number = 0
    begun_ms = now_ms - DAYS * DAY_MS
    yield begun_ms, _event(account_id, number, begun_ms, "Contract Signed", None, seats=size.users, mrr=size.users * 90)
    for day in range(DAYS):
        is_last = day == DAYS - 1
        count = max(1, per_day if is_last else min(per_day, MOST_OF_THE_PAST))
        for turn in range(count):
            number += 1
            # A minute before the end: the last tick comes after the last event.
            time_ms = begun_ms + day * DAY_MS + turn * (DAY_MS - MINUTE_MS) // count
            name, user = _NAMES[number % len(_NAMES)], f"user-{number % size.users}"
            feature = _FEATURES[number // 7 % len(_FEATURES)]
            yield time_ms, _event(account_id, number, time_ms, name, user, feature=feature, minutes=5 + number % 11)
            if is_last:
                yield time_ms + 1, None
        yield begun_ms + (day + 1) * DAY_MS, None


def _event(account_id: str, number: int, time_ms: int, name: str, user: str | None, **properties: Any) -> UsageEvent:
    return UsageEvent(
        id=f"{account_id}-{number}",
        source="bench",
        account_id=account_id,
        user_id=user,
        event=name,
        time=from_ms(time_ms),
        properties=properties,
    )
