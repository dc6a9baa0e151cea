"""Freshness: while a source of events is silent, time takes nothing away from what it feeds.

A signal that names sources is held while one of them is silent, another one while all of them are: it is read at the
time of the last event there was. Traits, tenure and renewal go by the calendar, and are never held.
"""

from __future__ import annotations

from collections.abc import Mapping

from kenko.engine.signals.table import Memo, SignalTable
from kenko.engine.state import AccountState
from kenko.model.limits import HOUR_MS
from kenko.model.signal_spec import Ratio, Reference, Signal, Trend
from kenko.model.spec import HealthModel

ALL_SOURCES = ""
"""Stands for all sources together."""

LOOK_AGAIN_MS = HOUR_MS
"""An account that was scored while a source is silent is scored again after this time."""

Silent = Mapping[str, int]
"""Sources that are silent, and since when."""

Raws = list[int | None]
"""By column."""


class Freshness:
    """Reads the values of accounts by one model, and holds what silent sources feed."""

    def __init__(self, model: HealthModel, table: SignalTable) -> None:
        self._table = table
        signals = {signal.name: signal for signal in model.signals}
        fed = [(table.column_of(signal.name), _sources(signal, signals)) for signal in model.signals]
        fed += [
            (table.column_of_input(spec), _of_all([_sources(signals[spec.signal], signals), _feeds(spec.per, signals)]))
            for policy in model.policies
            for group in policy.groups
            for spec in group.inputs
            if table.column_of_input(spec) != table.column_of(spec.signal)
        ]
        self._fed = [(column, sources) for column, sources in fed if sources is not None]

    def read(self, state: AccountState, now_ms: int, silent: Silent, memo: Memo) -> tuple[Raws, int | None]:
        """The values at `now_ms`, the newest time so far, and when passing time alone changes one of them next."""
        if not silent:
            return self._table.refresh(state, now_ms, memo)
        memo.drop()
        return self.measure(state, now_ms, silent), now_ms + LOOK_AGAIN_MS

    def forget(self, state: AccountState, now_ms: int, silent: Silent) -> None:
        """Drop what no longer counts; nothing while a source is silent, for then an earlier time is read."""
        if not silent:
            self._table.forget(state, now_ms)

    def measure(self, state: AccountState, now_ms: int, silent: Silent) -> Raws:
        """The values at `now_ms`. Changes nothing."""
        raws = self._table.measure(state, now_ms)
        if silent:
            held = self.held(silent)
            for since_ms in set(held.values()):
                if since_ms < now_ms:
                    then = self._table.measure(state, since_ms)
                    for column, its_ms in held.items():
                        if its_ms == since_ms:
                            raws[column] = then[column]
        return raws

    def held(self, silent: Silent) -> dict[int, int]:
        """Columns that are held, and at which time they are read."""
        found: dict[int, int] = {}
        for column, sources in self._fed:
            times = [silent[source] for source in (*sources, ALL_SOURCES) if source in silent]
            if times:
                found[column] = min(times)
        return found


def _sources(signal: Signal, signals: Mapping[str, Signal]) -> tuple[str, ...] | None:
    """The sources that a signal names; empty: any; None: it is not fed by events."""
    aggregate = signal.aggregate
    if signal.match is not None:
        return signal.match.sources
    if isinstance(aggregate, Trend):
        return _sources(signals[aggregate.of], signals)
    if isinstance(aggregate, Ratio):
        return _of_all([_feeds(aggregate.numerator, signals), _feeds(aggregate.denominator, signals)])
    return () if signal.is_stored else None


def _feeds(reference: Reference | None, signals: Mapping[str, Signal]) -> tuple[str, ...] | None:
    return None if reference is None or reference.is_trait else _sources(signals[reference.name], signals)


def _of_all(parts: list[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    known = [part for part in parts if part is not None]
    return tuple(dict.fromkeys(source for part in known for source in part)) if known else None
