"""All signals of a model, compiled into one table."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache, reduce
from operator import or_
from typing import Any

from kenko.engine.matching import Add, EventIndex
from kenko.engine.signals.compiling import compile_signals
from kenko.engine.signals.derived import Hidden, dependents, derive_input, derive_signal, operands, rank, unit_of
from kenko.engine.signals.kind import MILLIONTHS, Kept, Reading
from kenko.engine.signals.quotients import Derive
from kenko.engine.signals.recency import RecencyKind
from kenko.engine.signals.uniques import KeyedHash
from kenko.engine.state import AccountState
from kenko.model.score_spec import Input
from kenko.model.spec import HealthModel

_Columns = list[int | None]
_Stored = tuple[int, int, int, Callable[[Any, int], Reading]]
_Derived = tuple[int, int, int, Derive]
_CACHED = 4096
_NEVER = 1 << 62


def _earliest(times: list[int]) -> int | None:
    earliest = min(times, default=_NEVER)
    return None if earliest == _NEVER else earliest


class Memo:
    """What was read of an account at its last evaluation, so that only what has changed since is read again.

    No part of its state: without it the same comes out, more slowly. Whoever changes the account says so here.
    """

    __slots__ = ("changes", "dirty", "next_ms", "raws", "read", "times")

    def __init__(self) -> None:
        self.raws: _Columns | None = None
        """By column; None: nothing is known."""
        self.changes: _Columns = []
        """When passing time changes each next."""
        self.times: list[int] = []
        """The same with a far time for never: the earliest of plain integers is found at the speed of C."""
        self.next_ms: int | None = None
        """The earliest of them."""
        self.dirty = 0
        """Bit c: an event has changed the cell of column c, or of what it is made of."""
        self.read = -1
        """Bit c: column c has another value than at the evaluation before, the others are as they were; -1: any may."""

    def begin(self, raws: _Columns, changes: _Columns) -> None:
        """Know these, all of them new."""
        self.raws, self.changes, self.read = raws, changes, -1
        self.times = [_NEVER if change is None else change for change in changes]
        self.next_ms = _earliest(self.times)

    def drop(self) -> None:
        """Know nothing: more has changed than columns that were added to."""
        self.raws = None
        self.read = -1


class SignalTable:
    """Cells of a row on one side, columns of raw values on the other.

    Columns: one for each of the model's signals, in order, then hidden ones for inputs with `per` or `scale`; inputs
    that say the same share one. A raw value is an integer; None is no data.
    """

    def __init__(self, model: HealthModel, *, hashed: KeyedHash) -> None:
        """`hashed` stands for users and values (see `identity.keyed_hash`).

        Raises ValueError for a model that contradicts itself, ModuleNotFoundError where an extra is missing.
        """
        kinds = compile_signals(model, hashed)
        by_name = {signal.name: kind for signal, kind in zip(model.stored, kinds, strict=True)}
        self._column = {signal.name: at for at, signal in enumerate(model.signals)}
        units = [unit_of(signal, by_name) for signal in model.signals]
        places = {signal.name: (at, units[at]) for at, signal in enumerate(model.signals)}

        signals = {signal.name: signal for signal in model.signals}
        self._empties = tuple(kind.empty for kind in kinds)
        self._forgets = tuple((cell, kind.forget) for cell, kind in enumerate(kinds) if not isinstance(kind, Kept))
        self._advances = tuple((self._column[s.name], k.advance) for s, k in zip(model.stored, kinds, strict=True))
        self._measures = tuple((self._column[s.name], k.measure) for s, k in zip(model.stored, kinds, strict=True))
        derives = [
            (self._column[signal.name], derive)
            for signal in sorted(model.signals, key=lambda signal: rank(signal.name, signals))
            if (derive := derive_signal(signal, places, by_name)) is not None
        ]
        self._hidden: dict[Hidden, int] = {}
        for spec in (i for policy in model.policies for group in policy.groups for i in group.inputs):
            key = _hidden_key(spec)
            if key is not None and key not in self._hidden:
                self._hidden[key] = len(units)
                derives.append((len(units), derive_input(spec, places)))
                units.append(MILLIONTHS)
        reads = operands(model, self._column, self._hidden)
        self._derives = tuple((column, 1 << column, reads[column], derive) for column, derive in derives)
        self._units = tuple(units)
        self._values = tuple(_reader(unit) for unit in units)
        self.columns = len(units)
        index = EventIndex(model.stored, kinds, no_use=model.traits.events)
        self._touching = dependents(model, self._column, self._hidden)
        stored = [self._touching[self._column[signal.name]] for signal in model.stored]
        self.touched: Callable[[str], tuple[int, ...]] = lambda name: tuple(
            stored[place] for place in index.places(name)
        )
        """By event name: for each of `adds` the columns that it may change, a bit each."""
        in_place = [isinstance(kind.empty(), list | dict) << place for place, kind in enumerate(kinds)]
        self.changed_in_place: Callable[[str], int] = lambda name: sum(in_place[place] for place in index.places(name))
        """By event name: the cells that it may change without putting others in their places, a bit each."""
        self.is_ordered_by_id: Callable[[str], bool] = lambda name: any(
            kinds[place].is_ordered_by_id for place in index.places(name)
        )
        """By event name: whether one of its signals keeps, of two events at one time, the one whose id is greater."""
        self._restless = reduce(
            or_, (bits for bits, kind in zip(stored, kinds, strict=True) if isinstance(kind, RecencyKind)), 0
        )
        """Columns that go on moving when nothing is due by them any more: a recency that no curve tells apart."""
        self._work = lru_cache(_CACHED)(self._work_of)
        self.adds: Callable[[str], tuple[Add, ...]] = index.adds
        """By event name: what to call with (cells, event, time, digest of its id); each answers what it did to its cell
        (see `adding`). Cached, with a bound.
        """

    def empty(self) -> list[Any]:
        """The cells of an account without events, one a stored signal."""
        return [empty() for empty in self._empties]

    def advance(self, state: AccountState, now_ms: int) -> tuple[_Columns, _Columns]:
        """Raw values at `now_ms`, the newest time so far, and when passing time changes each next (None: never).

        Between now and that time the value stays as it is; at it, it may differ. Changes nothing.
        """
        raws: _Columns = [None] * self.columns
        changes: _Columns = raws.copy()
        for (column, advance), cell in zip(self._advances, state.signals, strict=True):
            raws[column], changes[column] = advance(cell, now_ms)
        for column, _, _, derive in self._derives:
            raws[column], changes[column] = derive(state, now_ms, raws, changes)
        return raws, changes

    def refresh(self, state: AccountState, now_ms: int, memo: Memo) -> tuple[_Columns, int | None]:
        """As `advance`, by what `memo` knows: the raw values, and the earliest change. Brings the memo up to date."""
        dirty, memo.dirty = memo.dirty | self._restless, 0
        if memo.raws is None:
            raws, changes = self.advance(state, now_ms)
            memo.begin(raws, changes)
            return raws, memo.next_ms
        if memo.next_ms is not None and now_ms >= memo.next_ms:
            for column, time in enumerate(memo.times):
                if time <= now_ms:
                    dirty |= self._touching[column]
        memo.read = 0
        if dirty:
            self._read_again(state, now_ms, memo, memo.raws.copy(), dirty)
        return memo.raws, memo.next_ms

    def _read_again(self, state: AccountState, now_ms: int, memo: Memo, raws: _Columns, dirty: int) -> None:
        """Bring these columns of the memo up to date. A quotient of columns that are as they were is as it was."""
        stored, derives = self._work(dirty)
        changes, times, cells = memo.changes, memo.times, state.signals
        read = moved = 0
        for column, bit, cell, advance in stored:
            raw, change = advance(cells[cell], now_ms)
            if raw != raws[column]:
                raws[column] = raw
                read |= bit
            if change != changes[column]:
                changes[column] = change
                times[column] = _NEVER if change is None else change
                moved |= bit
        for column, bit, reads, derive in derives:
            if reads < 0 or (read | moved) & reads:
                raw, change = derive(state, now_ms, raws, changes)
                if raw != raws[column]:
                    raws[column] = raw
                    read |= bit
                if change != changes[column]:
                    changes[column] = change
                    times[column] = _NEVER if change is None else change
                    moved |= bit
        if read:
            memo.raws, memo.read = raws, read  # in place of the list before: the last snapshot holds that one
        if moved:
            memo.next_ms = _earliest(times)

    def _work_of(self, dirty: int) -> tuple[tuple[_Stored, ...], tuple[_Derived, ...]]:
        """What to do to read these columns again."""
        stored = tuple(
            (column, 1 << column, cell, advance)
            for cell, (column, advance) in enumerate(self._advances)
            if dirty >> column & 1
        )
        return stored, tuple(derived for derived in self._derives if dirty >> derived[0] & 1)

    def forget(self, state: AccountState, now_ms: int) -> None:
        """Drop what can no longer count at `now_ms` or after it. No value changes by that."""
        cells = state.signals
        for place, forget in self._forgets:
            if cells[place]:
                forget(cells[place], now_ms)

    def measure(self, state: AccountState, now_ms: int) -> _Columns:
        """The raw values that `advance` gives, changing nothing.

        `now_ms` may lie before the last evaluation: by 2 days at most, and by no more than the shortest window.
        """
        raws: _Columns = [None] * self.columns
        for (column, measure), cell in zip(self._measures, state.signals, strict=True):
            raws[column] = measure(cell, now_ms)
        never: _Columns = [None] * self.columns
        for column, _, _, derive in self._derives:
            raws[column], _ = derive(state, now_ms, raws, never)
        return raws

    def value(self, column: int, raw: int) -> float:
        """A raw value of this column in the unit people read and curves take: days, percent, shares, amounts."""
        return self._values[column](raw)

    def unit(self, column: int) -> Fraction:
        """What one of the column's raw values is in that unit."""
        return self._units[column]

    def reader(self, column: int) -> Callable[[int], float]:
        """`value` of one column, for a hot path."""
        return self._values[column]

    def column_of(self, signal: str) -> int:
        """The signal's column. Raises KeyError for one the model does not have."""
        return self._column[signal]

    def column_of_input(self, spec: Input) -> int:
        """The column an input reads: a hidden one where it has `per` or `scale`. KeyError as above."""
        key = _hidden_key(spec)
        return self._column[spec.signal] if key is None else self._hidden[key]


def _hidden_key(spec: Input) -> Hidden | None:
    return None if spec.per is None and spec.scale == 1 else (spec.signal, spec.per, spec.scale)


def _reader(unit: Fraction) -> Callable[[int], float]:
    above, below = unit.as_integer_ratio()
    if below == 1:
        return float if above == 1 else lambda raw: float(raw * above)
    return (lambda raw: raw / below) if above == 1 else lambda raw: raw * above / below
