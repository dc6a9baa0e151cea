"""One number for each of another: ratios, and inputs with `per`. Exact until the last step, in millionths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from kenko.engine.signals.kind import MILLIONTHS, Reading
from kenko.engine.signals.values import MILLION, millionths
from kenko.engine.state import AccountState
from kenko.engine.traits import text_or_number

_MOST = 10**12 * MILLION
"""A quotient beyond a million millions says nothing: no data."""

Raws = Sequence[int | None]
Derive = Callable[[AccountState, int, Raws, Raws], Reading]
"""(account, now, raw values so far, when each changes next) -> the value of a derived column."""


def trait_raw(state: AccountState, trait: str) -> int | None:
    """A numeric trait in millionths; None where it is unknown, no number, or beyond a million millions."""
    return millionths(text_or_number(state, trait))


def quotient(numerator: int | None, denominator: int | None, up: int, down: int) -> int | None:
    """`numerator / denominator * up / down`, rounded half up; None unless both are known, the denominator is above 0,
    and the outcome is not absurdly large.
    """
    if numerator is None or denominator is None or denominator <= 0:
        return None
    below = denominator * down
    raw = (2 * numerator * up + below) // (2 * below)
    return raw if -_MOST <= raw <= _MOST else None


def by_signal(over: int, over_unit: Fraction, under: int, under_unit: Fraction, scale: Fraction) -> Derive:
    """Column `over` for each of column `under`, times `scale`."""
    up, down = (over_unit / under_unit * scale / MILLIONTHS).as_integer_ratio()

    def derive(_state: AccountState, _now_ms: int, raws: Raws, changes: Raws) -> Reading:
        return quotient(raws[over], raws[under], up, down), earlier(changes[over], changes[under])

    return derive


def by_trait(over: int, over_unit: Fraction, trait: str, scale: Fraction) -> Derive:
    """Column `over` for each of a trait, times `scale`."""
    up, down = (over_unit / MILLIONTHS * scale / MILLIONTHS).as_integer_ratio()

    def derive(state: AccountState, _now_ms: int, raws: Raws, changes: Raws) -> Reading:
        return quotient(raws[over], trait_raw(state, trait), up, down), changes[over]

    return derive


def trait_by_signal(trait: str, under: int, under_unit: Fraction) -> Derive:
    """A trait for each of column `under`."""
    up, down = (1 / under_unit).as_integer_ratio()

    def derive(state: AccountState, _now_ms: int, raws: Raws, changes: Raws) -> Reading:
        return quotient(trait_raw(state, trait), raws[under], up, down), changes[under]

    return derive


def trait_by_trait(over: str, under: str) -> Derive:
    """A trait for each of another. Passing time does not change it."""
    up, down = (1 / MILLIONTHS).as_integer_ratio()

    def derive(state: AccountState, _now_ms: int, _raws: Raws, _changes: Raws) -> Reading:
        return quotient(trait_raw(state, over), trait_raw(state, under), up, down), None

    return derive


def scaled(over: int, over_unit: Fraction, scale: Fraction) -> Derive:
    """Column `over` times `scale`."""
    up, down = (over_unit * scale / MILLIONTHS).as_integer_ratio()

    def derive(_state: AccountState, _now_ms: int, raws: Raws, changes: Raws) -> Reading:
        return quotient(raws[over], 1, up, down), changes[over]

    return derive


def earlier(one: int | None, other: int | None) -> int | None:
    """The earlier of two times; None is never."""
    if one is None:
        return other
    return one if other is None or one < other else other
