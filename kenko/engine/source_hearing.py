"""What one partition has heard of its sources. Bounded: clients choose the names."""

from __future__ import annotations

from collections.abc import Mapping

from kenko.engine.freshness import ALL_SOURCES
from kenko.engine.source_rhythm import Heard, SourceRhythm

MAX_SOURCES = 64
"""Sources told apart."""

OTHERS = ALL_SOURCES
"""What is heard of all sources beyond the limit, together: no source has an empty name."""


class SourceHearing:
    """The sources of one partition, and when each was heard."""

    def __init__(self, rhythm: SourceRhythm, heard: Mapping[str, Heard], *, limit: int = MAX_SOURCES) -> None:
        self.rhythm = rhythm
        self._heard = dict(heard)
        self._limit = limit

    def hear(self, source: str, time_ms: int) -> None:
        """An event of `source` came at `time_ms`. A source that nobody waits for any more makes room for a new one."""
        heard = self._heard
        if source not in heard and len(heard.keys() - {OTHERS}) >= self._limit:
            retired = [name for name, its in heard.items() if name != OTHERS and self.rhythm.is_retired(its, time_ms)]
            for name in retired:
                del heard[name]
            if not retired:
                source = OTHERS
        heard[source] = self.rhythm.hear(heard.get(source), time_ms)

    def known(self) -> dict[str, Heard]:
        """By source, and under `OTHERS` what is told of the rest; a copy."""
        return dict(self._heard)
