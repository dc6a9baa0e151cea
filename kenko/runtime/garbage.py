"""Fewer rounds of the garbage collector."""

from __future__ import annotations

import gc
from typing import Final

THRESHOLDS: Final = (50_000, 20, 50)
"""Python's own 700 (2,000 from 3.12) starts a round every few events. What a request leaves behind is freed by
reference counts; the collector is for the few cycles only."""


def collect_garbage_rarely() -> None:
    """Once, when a process has loaded what it needs: that is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
