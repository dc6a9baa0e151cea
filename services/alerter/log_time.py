"""LogTime: what time it is for decisions."""

from __future__ import annotations

from typing import Literal

from kenko.runtime.clock import Clock


class LogTime:
    """Wall time, or in `time: log` the newest tick copied to each partition of the transitions topic."""

    def __init__(self, mode: Literal["wall", "log"], clock: Clock) -> None:
        self._mode = mode
        self._clock = clock
        self._newest: dict[int, int] = {}

    def tick(self, partition: int, time_ms: int) -> None:
        """A tick was read. Time never goes backwards."""
        self._newest[partition] = max(time_ms, self._newest.get(partition, time_ms))

    def now_ms(self, partition: int, transition_ms: int) -> int:
        """Now, for a transition of `transition_ms`, which is never in the future.

        Before the first tick after a start it is the transition's own time: nothing newer is known of this log.
        """
        if self._mode == "wall":
            return self._clock.now_ms()
        return max(transition_ms, self._newest.get(partition, transition_ms))
