"""How many events a key may send a second, and how many wrong keys an address may try: token buckets."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MOST_BUCKETS: Final = 10_000
"""Kept at the same time; the one not used longest goes first, and starts full when it comes back."""


class TokenBucket:
    """Fills by `rate` a second up to `burst`. May be overdrawn once: then nothing is given until that is paid back."""

    __slots__ = ("_burst", "_left", "_rate", "_then_s")

    def __init__(self, rate: float, burst: float, now_s: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._then_s = now_s

    def wait_s(self, now_s: float) -> float:
        """Seconds until something is left; 0: something is left now."""
        self._left = min(self._burst, self._left + (now_s - self._then_s) * self._rate)
        self._then_s = now_s
        return 0.0 if self._left > 0 else (1.0 - self._left) / self._rate

    def spend(self, tokens: float) -> None:
        """Take `tokens`, even if fewer are left: a batch is taken whole or not at all."""
        self._left -= tokens


class Buckets:
    """A bucket for each of many names."""

    def __init__(self, rate: float, burst_s: float, most: int = MOST_BUCKETS) -> None:
        """`burst_s`: how many seconds' worth a bucket holds."""
        self._rate = rate
        self._burst_s = burst_s
        self._most = most
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def of(self, name: str, now_s: float, rate: float | None = None) -> TokenBucket:
        """The bucket of `name`. `rate`: its own, if it has one."""
        bucket = self._buckets.get(name)
        if bucket is None:
            rate = rate or self._rate
            bucket = self._buckets[name] = TokenBucket(rate, max(1.0, rate * self._burst_s), now_s)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(name)
        return bucket
