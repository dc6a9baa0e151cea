"""AccountFold: one account, taken through its events and the ticks at which it is due. No row is encoded.

What `PartitionFold` does for many accounts and a store, without what a store needs. A test holds the two to the same
scores and transitions.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import NamedTuple

from kenko.engine.assessing import Recall
from kenko.engine.freshness import Silent
from kenko.engine.identity import event_digest
from kenko.engine.kept import Kept
from kenko.engine.partition import Outcome
from kenko.engine.recent_ids import NO_TIME, RecentIds
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState
from kenko.engine.telling import Teller
from kenko.engine.usage import Usage
from schemas.transition import Transition

Waiting = tuple[int, int, Usage]
"""Offset, event time in milliseconds, event."""
_NOBODY: Silent = {}


class Told(NamedTuple):
    """What an account's evaluation at a tick changed. Sorted, they stand as a fold of all accounts gives them."""

    due_ms: int
    account: bytes
    transitions: list[Transition]


class Ticks:
    """Ticks of a log, in order, and what each caused."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.offsets: list[int] = []
        self.told: dict[int, list[Told]] = {}
        """By place of the tick."""

    def add(self, offset: int, time_ms: int) -> None:
        """The next tick."""
        self.times.append(time_ms)
        self.offsets.append(offset)

    def transitions(self, place: int) -> list[Transition]:
        """What this tick caused."""
        told = sorted(self.told.get(place, ()), key=lambda one: one[:2])
        return [transition for one in told for transition in one.transitions]


class AccountFold:
    """One account, and the events it has not been taken through yet."""

    __slots__ = ("_counts", "_id", "_ids", "_memo", "_scorer", "_teller", "state", "waiting")

    def __init__(
        self, account_id: str, scorer: Scorer, teller: Teller, counts: Counter[str], *, ids_repeat: bool
    ) -> None:
        """`counts`: where events are counted, by outcome. `ids_repeat`: an id may come twice; else nobody looks."""
        self.state: AccountState | None = None
        """None: no event yet."""
        self.waiting: list[Waiting] = []
        self._id = account_id
        self._scorer = scorer
        self._teller = teller
        self._counts = counts
        self._ids = RecentIds(counts=counts) if ids_repeat else None
        self._memo = Recall(kept=Kept())

    def is_due(self, now_ms: int) -> bool:
        """Whether it has to be evaluated at `now_ms`."""
        state = self.state
        return state is not None and (state.touched or (state.due_ms is not None and state.due_ms <= now_ms))

    def through(self, ticks: Ticks, before_ms: int | None) -> None:
        """Apply what waits, and evaluate at the ticks. `before_ms`: the tick before them; None: there was none."""
        waiting, self.waiting = self.waiting, []
        offsets, times, count = ticks.offsets, ticks.times, len(ticks.times)
        apply, memo, ids = self._scorer.apply, self._memo, self._ids
        horizon_ms = self._scorer.horizon_ms
        at, state, now_ms = 0, self.state, before_ms
        too_late = ignored = repeated = 0
        for offset, time_ms, event in waiting:
            if at < count and offsets[at] < offset:
                end = bisect_left(offsets, offset, at)
                self._evaluate(ticks, at, end)
                at, now_ms = end, times[end - 1]
            if now_ms is not None and time_ms < now_ms - horizon_ms:
                too_late += 1
                continue
            digest = None
            if ids is not None:
                digest = event_digest(event.source, event.id)
                if not ids.add(digest, offset, NO_TIME if now_ms is None else now_ms):
                    repeated += 1
                    continue
            if state is None:
                state = self.state = self._scorer.new(self._id)
            ignored += apply(state, event, time_ms, digest, None, memo)
            state.offset = offset
        self._evaluate(ticks, at, count)
        if ids is not None:
            ids.settle()
        self._count(len(waiting), too_late, repeated, ignored)

    def _count(self, waiting: int, too_late: int, repeated: int, ignored: int) -> None:
        for name, more in (
            (Outcome.APPLIED.value, waiting - too_late - repeated),
            (Outcome.TOO_LATE.value, too_late),
            (Outcome.DUPLICATE.value, repeated),
            ("ignored_values", ignored),
        ):
            if more:
                self._counts[name] += more

    def _evaluate(self, ticks: Ticks, at: int, end: int) -> None:
        """Evaluate at those of the ticks from `at` to before `end` at which the account is due."""
        state = self.state
        if state is None:
            return
        times, offsets, evaluate, memo = ticks.times, ticks.offsets, self._scorer.evaluate, self._memo
        evaluated = 0
        while at < end:
            due_ms = 0 if state.touched else state.due_ms
            if due_ms is None:
                break
            if due_ms > times[at]:
                at = bisect_left(times, due_ms, at, end)
                if at == end:
                    break
            now_ms = times[at]
            evaluation = evaluate(state, now_ms, _NOBODY, memo)
            state.offset = offsets[at]
            evaluated += 1
            if evaluation is not None and evaluation.step is not None:
                told = self._teller.transitions(state, evaluation, evaluation.step, offsets[at], now_ms)
                self._counts["transitions"] += len(told)
                ticks.told.setdefault(at, []).append(Told(due_ms, self._id.encode(), told))
            at += 1
        self._counts["evaluated"] += evaluated
