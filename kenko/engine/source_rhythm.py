"""A source's own rhythm: in which hours it was heard, and how long it may be silent before the pipeline is at fault.

Heard is when the log took an event in, not when the event happened: a source that sends old events is alive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from kenko.model.limits import HOUR_MS


class Heard(NamedTuple):
    """When a source was heard."""

    last_ms: int
    hours: int
    """Bit n: it was heard in the n-th hour before that of `last_ms`. Bit 0 is always set."""


@dataclass(frozen=True)
class SourceRhythm:
    """When a silence is longer than a source's own gaps explain. All but `hour_ms` is counted in hours of that length."""

    hour_ms: int = HOUR_MS
    """The grain in which gaps are measured."""
    kept: int = 14 * 24
    """Hours before the last event from which the longest gap is taken. A silence does not move them."""
    factor: int = 2
    """Silent when it lasts longer than the longest gap so many times. At least 2: a gap measured as n hours may have
    lasted just below n + 1, and the same gap again must not count as silence."""
    known_after: int = 2 * 24
    """A source with a shorter history is never judged."""
    week_after: int = 8 * 24
    """With a shorter history than this no weekend may have been seen: until then `first_week` is the least."""
    first_week: int = 72
    """Friday evening to Monday morning, and some."""
    retired_after: int = 28 * 24
    """A source silent for longer was given up by its owner, not by the pipeline. Above `factor` * `kept`."""

    def __post_init__(self) -> None:
        if self.factor < 2:
            raise ValueError("factor must be at least 2: a gap is known to the hour only")
        if self.retired_after < self.factor * self.kept:
            raise ValueError("retired_after must not be below factor * kept: nothing would ever be silent so long")

    def hear(self, heard: Heard | None, time_ms: int) -> Heard:
        """With an event that came at `time_ms`. Any order of events gives the same."""
        return _joined(Heard(time_ms, 1), heard, self) if heard is not None else Heard(time_ms, 1)

    def together(self, parts: Iterable[Heard]) -> Heard | None:
        """What was heard of several as if they were one; None: of none."""
        found: Heard | None = None
        for part in parts:
            found = part if found is None else _joined(found, part, self)
        return found

    def history(self, heard: Heard) -> int:
        """Hours between the first that is kept and the last."""
        return heard.hours.bit_length() - 1

    def longest_gap(self, heard: Heard) -> int:
        """The longest gap that is kept, in hours: 1 when it was heard in every hour, 0 with a single hour."""
        gaps = f"{heard.hours:b}".split("1")[1:-1]
        return max((len(gap) + 1 for gap in gaps), default=0)

    def patience_ms(self, heard: Heard) -> int | None:
        """How long this source may be silent; None: it is not known for long enough to tell."""
        history = self.history(heard)
        if history < self.known_after:
            return None
        hours = self.factor * self.longest_gap(heard)
        if history < self.week_after:
            hours = max(hours, self.first_week)
        return hours * self.hour_ms

    def is_silent(self, heard: Heard, now_ms: int) -> bool:
        """Whether it has been silent for longer at `now_ms` than its rhythm explains."""
        patience_ms = self.patience_ms(heard)
        return patience_ms is not None and patience_ms < now_ms - heard.last_ms and not self.is_retired(heard, now_ms)

    def is_retired(self, heard: Heard, now_ms: int) -> bool:
        """Whether it has been silent for so long that nobody waits for it any more."""
        return now_ms - heard.last_ms > self.retired_after * self.hour_ms


USUAL: Final = SourceRhythm()
"""As services run with it."""


def _joined(one: Heard, other: Heard, rhythm: SourceRhythm) -> Heard:
    if other.last_ms > one.last_ms:
        one, other = other, one
    behind = min(one.last_ms // rhythm.hour_ms - other.last_ms // rhythm.hour_ms, rhythm.kept)
    return Heard(one.last_ms, (one.hours | other.hours << behind) & ((1 << rhythm.kept) - 1))
