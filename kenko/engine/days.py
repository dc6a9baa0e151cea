"""A set of days (UTC), a bit each: `[newest day, bits, older bits, ...]`, or `[]`.

Bit k of the first number stands for the newest day less k; the second number goes on where the first ends, 63 days to a
number. Bits are counted at the speed of C, and a quarter of a year is stored in a dozen bytes.

Days that lie `keep` or more before the newest ever seen are not held, so the content depends only on which days came.
"""

from __future__ import annotations

Days = list[int]

_BITS = 63
"""Of one number: msgpack holds no more than 64."""
_ONE_NUMBER = 2
"""Items while all bits fit one number."""


def mark(days: Days, day: int, keep: int) -> bool:
    """Add a day. Answers whether that changed anything: not if it is there already, or too old to be held."""
    if not days:
        days += (day, 1)
        return True
    newest, bits = days[0], bits_of(days)
    back = newest - day
    if back < 0:
        newest, bits = day, (bits << -back if -back < keep else 0) | 1
    elif back >= keep or bits >> back & 1:
        return False
    else:
        bits |= 1 << back
    _set(days, newest, bits & ((1 << keep) - 1))
    return True


def forget(days: Days, dead: int) -> None:
    """Drop the days up to and with `dead`."""
    if not days:
        return
    living = days[0] - dead
    if living <= 0:
        days.clear()
    elif living < (bits := bits_of(days)).bit_length():
        _set(days, days[0], bits & ((1 << living) - 1))


def bits_of(days: Days) -> int:
    """All bits as one number: bit k is the newest day less k. 0 if there are none."""
    if len(days) == _ONE_NUMBER:
        return days[1]
    bits = 0
    for number in reversed(days[1:]):
        bits = bits << _BITS | number
    return bits


def later_than(days: Days, day: int) -> int:
    """The bits of the days later than `day`; 0 if there are none."""
    if not days:
        return 0
    living = days[0] - day
    if living <= 0:
        return 0
    bits = bits_of(days)
    return bits if living >= bits.bit_length() else bits & ((1 << living) - 1)


def _set(days: Days, newest: int, bits: int) -> None:
    days[:] = (newest, bits & ((1 << _BITS) - 1))
    while bits := bits >> _BITS:
        days.append(bits & ((1 << _BITS) - 1))
