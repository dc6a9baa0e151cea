"""Intake: what a record changes in its account. All of it commutes: newest, earliest, sums by time."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from kenko.engine.assessing import UNKNOWN_GAP, Recall
from kenko.engine.matching import Add
from kenko.engine.overrides import take_override
from kenko.engine.rhythm import note_use
from kenko.engine.signals.table import SignalTable
from kenko.engine.state import AccountState
from kenko.engine.traits import TraitRules
from kenko.model.limits import DAY_MS
from kenko.model.spec import HealthModel
from schemas.account_traits import AccountTraits
from schemas.base import to_ms
from schemas.override import Override
from schemas.usage_event import UsageEvent

_MOST_PLANS = 4096


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
    columns: int
    """Columns that it may change, a bit each."""
    adds: tuple[Add, ...]


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

    def event(self, state: AccountState, event: UsageEvent, time_ms: int, digest: bytes, memo: Recall) -> int:
        """Take an event in. Answers how many property values were bad and ignored."""
        role, columns, adds = self._plans.get(event.event) or self._plan(event.event)
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
        memo.dirty |= columns
        cells = state.signals
        for add in adds:
            ignored += add(cells, event, time_ms, digest)
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
        plan = self._plans[name] = _Plan(self._roles.get(name), self._table.touched(name), self._table.adds(name))
        return plan

    @staticmethod
    def _note_use(state: AccountState, time_ms: int, memo: Recall) -> None:
        memo.used_day = time_ms // DAY_MS
        if note_use(state.rhythm, time_ms):
            memo.gap_ms = UNKNOWN_GAP

    def _told(self, state: AccountState, role: _Role, event: UsageEvent, time_ms: int, digest: bytes) -> int:
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
