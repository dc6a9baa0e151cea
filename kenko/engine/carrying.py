"""Carrying over: the row of an account from the live model into the keyspace of the one that takes its place.

What was told, and what is not the model's, comes from the live row: zone, rules, daily closes, traits, override, grace,
the published score. So do the cells of signals that are defined alike, for the log may no longer hold their windows. Cells
of changed signals stay as they were rebuilt from the log; so does for how long a boundary or a condition has been passed
by the new model's measure, or every hold would begin again.

Carried twice, a row comes out the same: only what is not taken from the live row is kept of the own one.
"""

from __future__ import annotations

from typing import Any

from kenko.engine.row_packing import RowPacker
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState
from kenko.engine.traits import carry_traits
from kenko.model.layout import Layout, layout_of

LONG_AGO_MS = 0
"""In place of the time since when a rule's condition has been another: its hold is over."""


class Carrier:
    """Between two models."""

    def __init__(self, scorer: Scorer, live: Layout) -> None:
        """`scorer`: of the model that takes over. `live`: what the rows of the one that is live hold."""
        own = layout_of(scorer.model)
        self._scorer = scorer
        self._rows = RowPacker(live.stored)
        places = {cell: place for place, cell in reversed(list(enumerate(live.cells)))}
        self._from = [places.get(cell) for cell in own.cells]
        """By own cell: the live cell that holds the same; None: the signal is new, or has changed."""
        self._same_roles = own.roles == live.roles
        self._same_facts = own.facts == live.facts
        self._own_rhythm = own.follows_rhythm and not live.follows_rhythm
        self._drops_rhythm = not own.follows_rhythm
        self._trait_names = own.trait_names

    @property
    def carried_cells(self) -> int:
        """How many signals keep their state."""
        return sum(place is not None for place in self._from)

    def carry(self, account_id: str, live: bytes, own: bytes | None) -> AccountState:
        """The account, to be evaluated by the model that takes over. `own`: as the log made it; None: the log knew nothing."""
        state = self._rows.decode(live)
        built = self._scorer.new(account_id) if own is None else self._scorer.decode(account_id, own)
        state.signals = self._cells(state, built)
        state.first_seen_ms = _earlier(state.first_seen_ms, built.first_seen_ms)
        if not self._same_roles and own is not None:  # other events tell of contracts now
            state.began_ms, state.started_ms, state.ended_ms = built.began_ms, built.started_ms, built.ended_ms
            state.last_seen_ms = built.last_seen_ms
        if not self._same_facts:
            carry_traits(state, built.traits, self._trait_names)
        if self._own_rhythm:
            state.rhythm = built.rhythm
        elif self._drops_rhythm:
            state.rhythm = []
        state.red_since_ms = state.red_since_ms if built.red_since_ms is None else built.red_since_ms
        state.yellow_since_ms = state.yellow_since_ms if built.yellow_since_ms is None else built.yellow_since_ms
        if built.last is not None:  # else the log says nothing of how long anything has lasted
            state.rules = _marks(state.rules, built.rules)
        return _untouched(state)

    def _cells(self, state: AccountState, built: AccountState) -> list[Any]:
        cells = zip(self._from, built.signals, strict=True)
        return [cell if place is None else state.signals[place] for place, cell in cells]


def never_told(state: AccountState) -> AccountState:
    """An account of which nothing is known to have been told: it is told of as if it were new."""
    state.zone, state.zone_since_ms, state.rules = None, None, _marks({}, state.rules)
    state.last, state.earlier, state.told, state.standing = None, b"", None, ""
    return _untouched(state)


def _untouched(state: AccountState) -> AccountState:
    """Due at once. One that was never evaluated stays touched: its first tick tells of it, as ever."""
    state.touched = state.touched and state.last is None
    state.base = state.late = None
    state.due_ms = 0
    return state


def _marks(told: dict[str, list[Any]], built: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Whether each rule holds, as it was told, and since when its condition has been the other way, as the log says."""
    marks: dict[str, list[Any]] = {}
    for name in sorted({*told, *built}):
        held = bool(told[name][0]) if name in told else False
        now_held, since_ms = built.get(name, (False, None))
        if held != now_held:
            since_ms = LONG_AGO_MS
        if held or since_ms is not None:
            marks[name] = [held, since_ms]
    return marks


def _earlier(one: int | None, other: int | None) -> int | None:
    return min((time_ms for time_ms in (one, other) if time_ms is not None), default=None)
