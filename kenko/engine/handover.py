"""Handover: some accounts of a partition go from the live model to the one that takes its place. Pure.

It stands between two records: all below the offset `at` are applied by both models, none from there on by any. Every
account is scored at the last tick by the new model; where zone or rules differ from what was told, one transition says
so, with the cause *changed model*. Its offset is `at`, above every one that was told, and its id repeats with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, TypeVar

from kenko.engine.carrying import Carrier, never_told
from kenko.engine.identity import transition_id
from kenko.engine.partition import PartitionFold
from kenko.engine.rows import Row, RowChange
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState
from schemas.health import ScoreUpdate
from schemas.transition import Cause, Transition

_MARK = "cut-over"
"""In the ids: a tick may stand at the offset `at`, and move the same rule once more."""

_Told = TypeVar("_Told", Transition, ScoreUpdate)


class Point(NamedTuple):
    """Where the handover stands in the log."""

    partition: int
    at: int
    """The next offset to apply, for both models."""
    now_ms: int | None
    """Log time: the last tick; None: there was none, and nobody was ever told of anything."""
    silent: Mapping[str, int]
    forgotten: Collection[bytes]
    due_budget: int


class Handed(NamedTuple):
    """What comes of it."""

    rows: list[RowChange]
    transitions: list[Transition]
    scores: list[ScoreUpdate]


class Handover:
    """Of one partition. `carrier` None: the rows of the live model cannot be read, and what it told is not known."""

    def __init__(self, scorer: Scorer, carrier: Carrier | None, point: Point) -> None:
        self._scorer = scorer
        self._carrier = carrier
        self._point = point

    def hand_over(self, live: Mapping[str, Row | None], own: Mapping[str, Row | None]) -> Handed:
        """These accounts: their rows in both keyspaces, each account in both, with None where it has no row.

        Of their own rows no more than the tail of recent ids is asked for, of the live ones all.
        """
        fold = self._fold()
        rows: list[RowChange] = []
        adopted: dict[str, Row] = {}
        for account_id, theirs in live.items():
            mine = own[account_id]
            if fold.is_forgotten(account_id):
                continue
            state = self._state(account_id, theirs, mine)
            if state is None:
                continue
            state.offset = self._point.at - 1  # at or above that of every chunk of its recent ids
            if self._point.now_ms is None or state.touched:
                # Nothing of it was ever told: that is for its first tick, which comes.
                rows.append(RowChange(account_id, self._scorer.encode(state), 0, None))
            else:
                state.offset -= 1  # below the one it is evaluated at
                adopted[account_id] = Row(self._scorer.encode(state), [])
        fold.adopt(adopted)
        transitions = fold.evaluate(list(adopted), self._point.at - 1) if adopted else []
        return Handed(
            [self._with_ids(change, live, own) for change in (*rows, *fold.drain())],
            [self._here(transition).model_copy(update=self._mark(transition)) for transition in transitions],
            [self._here(score) for score in fold.take_scores()],
        )

    def _fold(self) -> PartitionFold:
        point = self._point
        return PartitionFold(
            self._scorer,
            partition=point.partition,
            due_budget=point.due_budget,
            now_ms=point.now_ms,
            silent=point.silent,
            forgotten=point.forgotten,
        )

    def _state(self, account_id: str, live: Row | None, own: Row | None) -> AccountState | None:
        if live is not None and self._carrier is not None:
            return self._carrier.carry(account_id, live.state, None if own is None else own.state)
        if own is None:
            return None
        state = self._scorer.decode(account_id, own.state)
        return state if state.last is None else never_told(state)

    def _with_ids(self, change: RowChange, live: Mapping[str, Row | None], own: Mapping[str, Row | None]) -> RowChange:
        """Recent ids as the live model has them, in place of our own: the log may no longer hold a day of them.

        Done twice, it comes out the same: all chunks there are lie below `at`, and go.
        """
        row = live[change.account_id]
        if row is None or row.ids is None or self._carrier is None:
            mine = own[change.account_id]
            return change if mine is None else change._replace(tail=mine.tail)
        return change._replace(id_chunks=tuple(row.ids), drop_ids_through=self._point.at - 1, tail=row.tail)

    def _here(self, told: _Told) -> _Told:
        """The live model may have told of the last tick, at the offset below: of two at one offset one would be dropped."""
        return told.model_copy(update={"offset": self._point.at})

    def _mark(self, transition: Transition) -> dict[str, object]:
        rule = f"{_MARK}:{transition.rule}"
        own = transition_id(transition.account_id, rule, transition.score_hash, transition.partition, self._point.at)
        return {"id": own, "cause": Cause.CHANGED_MODEL}


def count_told(transitions: Iterable[Transition]) -> int:
    """How many accounts they are of."""
    return len({transition.account_id for transition in transitions})
