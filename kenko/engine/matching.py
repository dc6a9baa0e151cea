"""Which signals an event touches: an index by event name, so that an event costs only the signals that match it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from kenko.engine.signals.kind import SignalKind
from kenko.model.spec import Op, PropertyTest, Signal
from schemas.usage_event import UsageEvent

Add = Callable[[list[Any], UsageEvent, int, bytes], int]
"""Takes one event into the cells of a row; answers how many values were bad and ignored."""

_ORDER: dict[Op, Callable[[Any, Any], bool]] = {
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
    Op.LT: operator.lt,
    Op.LTE: operator.le,
}


class EventIndex:
    """The signals to touch, by event name."""

    def __init__(self, signals: Sequence[Signal], kinds: Sequence[SignalKind]) -> None:
        names = {name for signal in signals for name in (*(signal.match.events or ()), *signal.match.excluded)}
        pairs = list(zip(signals, kinds, strict=True))
        self._by_name: dict[str, tuple[Add, ...]] = {
            name: tuple(_with_tests(signal, kind) for signal, kind in pairs if _matches_name(signal, name))
            for name in names
        }
        self._others = tuple(_with_tests(signal, kind) for signal, kind in pairs if signal.match.events is None)

    def adds(self, name: str) -> tuple[Add, ...]:
        """What to call for an event called `name`."""
        return self._by_name.get(name, self._others)


def _matches_name(signal: Signal, name: str) -> bool:
    if signal.match.events is None:
        return name not in signal.match.excluded
    return name in signal.match.events


def _with_tests(signal: Signal, kind: SignalKind) -> Add:
    if not signal.match.tests:
        return kind.add
    tests = tuple((test.property, property_test(test)) for test in signal.match.tests)
    add = kind.add

    def add_if_all_hold(cells: list[Any], event: UsageEvent, time_ms: int, digest: bytes) -> int:
        properties = event.properties
        for name, holds in tests:
            if not holds(properties.get(name)):
                return 0
        return add(cells, event, time_ms, digest)

    return add_if_all_hold


def property_test(test: PropertyTest) -> Callable[[Any], bool]:
    """A predicate on a property's value; None is a property that is absent or null.

    Numbers compare with numbers only, text with text, true and false with themselves: `1` is not `true`.
    """
    if test.op is Op.EXISTS:
        return (lambda value: value is not None) if test.operand else (lambda value: value is None)
    if test.op in _ORDER:
        compare, bound = _ORDER[test.op], test.operand
        return lambda value: type(value) in (int, float) and compare(value, bound)
    wanted = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    keys = frozenset((isinstance(value, str), isinstance(value, bool), value) for value in wanted)

    def is_one_of(value: Any) -> bool:
        if type(value) not in (str, int, float, bool):
            return False
        return (isinstance(value, str), isinstance(value, bool), value) in keys

    return is_one_of
