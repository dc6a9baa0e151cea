"""A number for each bucket of time, dense: `[first bucket, its number, the next one's, ...]`, or `[]`.

A list of small integers is summed at the speed of C and stored in a byte each. Two rules make the content depend only
on which events came, never on their order:

- what lies `keep` buckets or more before the newest bucket ever seen is not held, so an event of 1970 and one of today
  make no list of a million entries;
- the first number is not 0, unless it is also the last: the last bucket is the newest ever seen, whatever it holds.
"""

from __future__ import annotations

Series = list[int]

MOST = 1 << 62
"""A bucket and a sum of buckets stand still here: msgpack holds 64 bits."""


def held(amount: int) -> int:
    """The amount, or the most a row holds."""
    if -MOST < amount < MOST:
        return amount
    return MOST if amount > 0 else -MOST


def make_room(series: Series, bucket: int, keep: int) -> int:
    """The place of `bucket`, made with a 0 if it is new; 0 where the bucket is too old to be held."""
    size = len(series)
    if not size:
        series += (bucket, 0)
        return 1
    place = bucket - series[0] + 1
    if place >= size:
        if place - size + 1 >= keep:
            series[:] = (bucket, 0)
            return 1
        series += [0] * (place - size + 1)
        forget(series, bucket - keep)
        return len(series) - 1
    if place > 0:
        return place
    if bucket <= series[0] + size - 2 - keep:
        return 0
    series[0:1] = [bucket, *([0] * (1 - place))]
    return 1


def forget(series: Series, dead: int) -> None:
    """Drop the buckets up to and with `dead`, and the zeros that then come first."""
    last = len(series) - 1
    if last < 1:
        return
    at = max(1, dead - series[0] + 2)
    if at > last:
        series.clear()
        return
    while not series[at] and at < last:
        at += 1
    if at > 1:
        series[0] += at - 1
        del series[1:at]


def total(series: Series, after: int) -> int:
    """Sum of the buckets later than `after`."""
    if not series:
        return 0
    at = after - series[0] + 2
    return sum(series[at:]) if at > 1 else sum(series) - series[0]
