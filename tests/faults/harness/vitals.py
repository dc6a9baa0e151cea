"""What a process holds: memory and descriptors over time, and the slope of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

MB = 1_000_000


@dataclass
class Vitals:
    """Samples of one process, each (seconds, bytes of memory, open descriptors)."""

    samples: list[tuple[float, int, int]] = field(default_factory=list)

    def look(self, pid: int, at_s: float) -> None:
        """Linux only: /proc knows."""
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        descriptors = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        self.samples.append((at_s, pages * os.sysconf("SC_PAGE_SIZE"), descriptors))

    def growth_mb_an_hour(self) -> float:
        """Slope of the memory after the first third, which is warm-up; least squares."""
        return 3600 * slope([(at_s, memory / MB) for at_s, memory, _ in self._later()])

    def descriptors(self) -> tuple[int, int]:
        """Fewest and most, after the warm-up."""
        open_ones = [number for _, _, number in self._later()]
        return min(open_ones), max(open_ones)

    def _later(self) -> list[tuple[float, int, int]]:
        return self.samples[len(self.samples) // 3 :]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the line through `points` with the least squares."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
