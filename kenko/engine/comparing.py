"""Comparisons of a model, compiled: of numbers, and of traits."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil, floor, inf
from typing import Any

from kenko.model.signal_spec import Comparison, Op, PropertyTest

COMPARE: dict[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: operator.eq,
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
    Op.LT: operator.lt,
    Op.LTE: operator.le,
}


def raw_test(tests: Sequence[Comparison], unit: Fraction) -> Callable[[int], bool]:
    """A predicate on a raw value, of which one is `unit` of what people read: exact, and the fastest there is."""
    low, high = -inf, inf
    for test in tests:
        edge = Fraction(str(test.operand)) / unit
        if test.op in (Op.GTE, Op.EQ):
            low = max(low, ceil(edge))
        if test.op in (Op.LTE, Op.EQ):
            high = min(high, floor(edge))
        if test.op is Op.GT:
            low = max(low, floor(edge) + 1)
        if test.op is Op.LT:
            high = min(high, ceil(edge) - 1)
    if high == inf:
        return lambda raw: raw >= low
    if low == -inf:
        return lambda raw: raw <= high
    return lambda raw: low <= raw <= high


def number_test(tests: Sequence[Comparison]) -> Callable[[float], bool]:
    """A predicate that holds where all comparisons do."""
    compiled = [(COMPARE[test.op], test.operand) for test in tests]
    if len(compiled) == 1:  # nearly always, and several times faster
        compare_one, bound = compiled[0]
        return lambda value: compare_one(value, bound)
    return lambda value: all(compare(value, operand) for compare, operand in compiled)


def value_test(test: PropertyTest) -> Callable[[Any], bool]:
    """A predicate on a value of JSON; None is one that is absent or null.

    Numbers compare with numbers only, text with text, true and false with themselves: `1` is not `true`.
    """
    if test.op is Op.EXISTS:
        return (lambda value: value is not None) if test.operand else (lambda value: value is None)
    if test.op in COMPARE and test.op is not Op.EQ:
        compare, bound = COMPARE[test.op], test.operand
        return lambda value: type(value) in (int, float) and compare(value, bound)
    wanted = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    keys = frozenset((isinstance(value, str), isinstance(value, bool), value) for value in wanted)

    def is_one_of(value: Any) -> bool:
        if type(value) not in (str, int, float, bool):
            return False
        return (isinstance(value, str), isinstance(value, bool), value) in keys

    return is_one_of
