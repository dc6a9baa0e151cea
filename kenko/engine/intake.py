"""Intake: what a record changes in its account. All of it commutes: newest, earliest, sums by time."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from kenko.engine.adding import BAD, CHANGED
from kenko.engine.assessing import UNKNOWN_GAP, Recall
from kenko.engine.identity import event_digest
from kenko.engine.matching import Add
from kenko.engine.overrides import take_override
from kenko.engine.rhythm import note_use
from kenko.engine.signals.table import SignalTable
from kenko.engine.state import AccountState
from kenko.engine.traits import TraitRules
from kenko.engine.usage import Usage
from kenko.model.limits import DAY_MS
from kenko.model.spec import HealthModel
from schemas.account_traits import AccountTraits
from schemas.base import to_ms
from schemas.override import Override

_MOST_PLANS = 4096
_ANY = b""
"""Stands for a digest that nobody looks at."""


class _Role(IntEnum):
    """What an event tells of besides signals."""

    USE = 0
    STARTED = 1
    RUNS = 2
    ENDED = 3
    TRAITS = 4


class _Plan(NamedTuple):
    """What to do with events of one name."""

    role: _Role | None
    """None: a use of the product."""
    adds: tuple[tuple[Add, int], ...]
    """Each with the columns that it may change, a bit each."""
    in_place: int
    """Cells that they change in place, a bit each."""
    by_id: bool
    """Of two such events at one time the id decides."""


class Intake:
    """Takes records into rows, for one model."""

    def __init__(self, model: HealthModel, table: SignalTable, traits: TraitRules) -> None:
        life = model.lifecycle
        self._roles: dict[str, _Role] = {
            **dict.fromkeys(model.traits.events, _Role.TRAITS),
            **dict.fromkeys((*life.renewed, *life.upgraded, *life.downgraded), _Role.RUNS),
            **dict.fromkeys(life.started, _Role.STARTED),
            **dict.fromkeys(life.ended, _Role.ENDED),
        }
        self._follows_rhythm = model.follows_rhythm
        self._traits = traits
        self._table = table
        self._plans: dict[str, _Plan] = {}

    def event(self, state: AccountState, event: Usage, time_ms: int, digest: bytes | None, memo: Recall) -> int:
        """Take an event in. Answers how many property values were bad and ignored.

        `digest`: of its id; None: nobody has needed it so far.
        """
        role, adds, in_place, by_id = self._plans.get(event.event) or self._plan(event.event)
        if digest is None:
            digest = event_digest(event.source, event.id) if by_id else _ANY
        if state.first_seen_ms is None or time_ms < state.first_seen_ms:
            state.first_seen_ms = time_ms
            memo.drop()  # tenure and the past of trends begin with it
        ignored = 0
        if role is None:
            if state.last_seen_ms is None or time_ms > state.last_seen_ms:
                state.last_seen_ms = time_ms
            if self._follows_rhythm and time_ms // DAY_MS != memo.used_day:
                self._note_use(state, time_ms, memo)
        else:
            memo.drop()
            ignored = self._told(state, role, event, time_ms, digest)
        if memo.kept is not None:
            memo.kept.part(state, in_place)
        cells = state.signals
        for add, columns in adds:
            done = add(cells, event, time_ms, digest)
            if done == CHANGED:
                memo.dirty |= columns
            elif done == BAD:
                ignored += 1
        return ignored

    def record(self, state: AccountState, record: AccountTraits | Override, digest: bytes) -> int:
        """Take a record of our own in. Answers how many values were bad and ignored."""
        if isinstance(record, Override):
            take_override(state, record, digest)
            return 0
        return self._traits.take(state, record.traits, to_ms(record.time), digest)

    def _plan(self, name: str) -> _Plan:
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()  # names come from outside
        table, role = self._table, self._roles.get(name)
        by_id = role is not None or table.is_ordered_by_id(name)  # of two traits said at one time, too
        adds = tuple(zip(table.adds(name), table.touched(name), strict=True))
        plan = _Plan(role, adds, table.changed_in_place(name), by_id)
        self._plans[name] = plan
        return plan

    @staticmethod
    def _note_use(state: AccountState, time_ms: int, memo: Recall) -> None:
        memo.used_day = time_ms // DAY_MS
        if note_use(state.rhythm, time_ms):
            memo.gap_ms = UNKNOWN_GAP

    def _told(self, state: AccountState, role: _Role, event: Usage, time_ms: int, digest: bytes) -> int:
        """An event of a contract or of traits is no use of the product: an account may be silent and pay."""
        if role is _Role.ENDED:
            if state.ended_ms is None or time_ms > state.ended_ms:
                state.ended_ms = time_ms
            return 0  # what it brought in is not what it brings in from now on
        if role is not _Role.TRAITS:
            if state.started_ms is None or time_ms > state.started_ms:
                state.started_ms = time_ms
            if role is _Role.STARTED and (state.began_ms is None or time_ms < state.began_ms):
                state.began_ms = time_ms
        return self._traits.take(state, event.properties, time_ms, digest)
