"""Which sources have fallen silent: decided over all partitions at once, for a fold sees only its own.

A source stays silent until it is heard again, so it cannot flap. Nothing is decided while a partition is behind: what is
missed may lie there, and what its accounts were told since may stand in the log before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kenko.engine.freshness import ALL_SOURCES
from kenko.engine.source_hearing import MAX_SOURCES, OTHERS
from kenko.engine.source_rhythm import Heard, SourceRhythm
from kenko.model.limits import MINUTE_MS

BEHIND_MS = 5 * MINUTE_MS
"""A partition whose log time is further back than this has not caught up: ticks come once a minute at least."""


class Known(NamedTuple):
    """What is known in one partition."""

    now_ms: int | None
    """Its log time; None before the first tick."""
    heard: Mapping[str, Heard]
    silent: Mapping[str, int]
    """Sources that its accounts are told are silent, and since when."""


def log_time(partitions: Sequence[Known], wall_ms: int) -> int | None:
    """The time up to which every partition has heard; None while one of them is behind the wall time."""
    times = [known.now_ms for known in partitions]
    caught_up = [now_ms for now_ms in times if now_ms is not None and now_ms >= wall_ms - BEHIND_MS]
    return min(caught_up) if times and len(caught_up) == len(times) else None


def decide(
    rhythm: SourceRhythm, partitions: Sequence[Known], now_ms: int, *, limit: int = MAX_SOURCES
) -> dict[str, int]:
    """The sources that are silent at log time `now_ms`, and since when; `ALL_SOURCES` among them when all are."""
    before = _told(partitions)
    everything = rhythm.together(its for known in partitions for its in known.heard.values())
    if everything is None:  # a store that was emptied: it will hear of them from the log again
        return before
    names = _named(rhythm, partitions, before)
    heard = {source: _heard_of(source, rhythm, partitions) for source in names[:limit]}
    found: dict[str, int] = {}
    still_all = ALL_SOURCES in before and everything.last_ms <= before[ALL_SOURCES]
    for source, its in heard.items():
        if its is None:
            continue
        since_ms = before.get(source)
        if since_ms is not None and its.last_ms <= since_ms:
            if still_all or not rhythm.is_retired(its, now_ms):
                found[source] = since_ms
        elif rhythm.is_silent(its, now_ms):
            found[source] = its.last_ms
    if still_all:
        found[ALL_SOURCES] = before[ALL_SOURCES]
    else:
        awaited = [name for name, its in heard.items() if its is not None and not rhythm.is_retired(its, now_ms)]
        others = len(names) > limit or any(OTHERS in known.heard for known in partitions)
        if (awaited and not others and found.keys() >= set(awaited)) or rhythm.is_silent(everything, now_ms):
            found[ALL_SOURCES] = everything.last_ms
    return found


def changes(known: Known, silent: Mapping[str, int]) -> dict[str, int | None]:
    """What a partition must be told so that it knows the same as all; None: this source is back."""
    news: dict[str, int | None] = {source: None for source in known.silent if source not in silent}
    news |= {source: since for source, since in silent.items() if known.silent.get(source) != since}
    return news


def _told(partitions: Sequence[Known]) -> dict[str, int]:
    """What any partition was told: after a crash between two partitions the others are told too."""
    told: dict[str, int] = {}
    for known in partitions:
        for source, since_ms in known.silent.items():
            told[source] = max(since_ms, told.get(source, since_ms))
    return told


def _named(rhythm: SourceRhythm, partitions: Sequence[Known], before: Mapping[str, int]) -> list[str]:
    """The sources by the order in which they are judged: those already silent, then those known for the longest."""
    history: dict[str, int] = {}
    for known in partitions:
        for source, its in known.heard.items():
            history[source] = max(rhythm.history(its), history.get(source, 0))
    history.pop(OTHERS, None)
    return sorted(history, key=lambda source: (source not in before, -history[source], source))


def _heard_of(source: str, rhythm: SourceRhythm, partitions: Sequence[Known]) -> Heard | None:
    """A partition that does not name the source may have it among its others: then these speak for it."""
    found = (known.heard.get(source, known.heard.get(OTHERS)) for known in partitions)
    return rhythm.together(its for its in found if its is not None)
