"""Wall clocks over the virtual time: each process has its own, and they may be wrong."""

from __future__ import annotations

from tests.simulator.virtual_loop import VirtualLoop

HOUR_MS = 3_600_000
START_MS = 1_700_006_400_000
"""A round hour, when every simulation begins."""


class SkewedClock:
    """Implements `Clock`. `skew_ms` is how far it is ahead."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.skew_ms = 0

    def now_ms(self) -> int:
        return START_MS + round(self._loop.time() * 1000) + self.skew_ms

    def monotonic(self) -> float:
        return self._loop.time()
