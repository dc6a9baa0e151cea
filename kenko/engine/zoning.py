"""In which zone a score is: boundaries with a margin to leave (hysteresis) and a time to stay before entering (hold)."""

from __future__ import annotations

from typing import NamedTuple

from kenko.model.score_spec import Boundary, Zones
from schemas.health import Zone, centi


class ZoneState(NamedTuple):
    """The zone, and since when the score has been below each boundary without a break."""

    zone: Zone | None
    red_since_ms: int | None
    yellow_since_ms: int | None


NO_ZONE = ZoneState(None, None, None)


class _Line(NamedTuple):
    below: int
    clear_above: int
    for_ms: int


def _line(boundary: Boundary) -> _Line:
    return _Line(centi(boundary.below), centi(boundary.clear_above), boundary.for_ms)


class ZoneRule:
    """The zones of a model, in hundredths."""

    def __init__(self, zones: Zones) -> None:
        self._red = _line(zones.red)
        self._yellow = _line(zones.yellow)

    def decide(self, before: ZoneState, score: int, now_ms: int, *, in_grace: bool) -> ZoneState:
        """The zone of `score` at `now_ms`.

        A worse zone is entered when its hold is over, a better one at once when the score is above `clear_above`.
        Without a zone before, green comes at once and another when its hold is over. Inside the grace of a new account
        there is no zone, but holds run.
        """
        red_since = _since(before.red_since_ms, score, self._red, now_ms)
        yellow_since = _since(before.yellow_since_ms, score, self._yellow, now_ms)
        zone = None if in_grace else self._zone(ZoneState(before.zone, red_since, yellow_since), score, now_ms)
        return ZoneState(zone, red_since, yellow_since)

    def stays(self, zone: Zone | None, red_since_ms: int | None, yellow_since_ms: int | None, score: int) -> bool:
        """True where `decide` would plainly change nothing, outside the grace: as it is nearly always."""
        if score >= self._yellow.below:
            return zone is Zone.GREEN and red_since_ms is None and yellow_since_ms is None
        if score >= self._red.below:
            return zone is Zone.YELLOW and red_since_ms is None and yellow_since_ms is not None
        return zone is Zone.RED and red_since_ms is not None and yellow_since_ms is not None

    def _zone(self, state: ZoneState, score: int, now_ms: int) -> Zone | None:
        zone = state.zone
        if zone is Zone.RED and score <= self._red.clear_above:
            return Zone.RED
        if _is_over(state.red_since_ms, self._red, now_ms):
            return Zone.RED
        if zone in (Zone.RED, Zone.YELLOW):
            return Zone.YELLOW if score <= self._yellow.clear_above else Zone.GREEN
        if _is_over(state.yellow_since_ms, self._yellow, now_ms):
            return Zone.YELLOW
        return Zone.GREEN if state.yellow_since_ms is None else zone

    def next_change_ms(self, state: ZoneState) -> int | None:
        """When the next hold is over; None: none is running."""
        ends: list[int] = []
        if state.red_since_ms is not None and state.zone is not Zone.RED:
            ends.append(state.red_since_ms + self._red.for_ms)
        if state.yellow_since_ms is not None and state.zone not in (Zone.RED, Zone.YELLOW):
            ends.append(state.yellow_since_ms + self._yellow.for_ms)
        return min(ends, default=None)


def _since(since_ms: int | None, score: int, line: _Line, now_ms: int) -> int | None:
    if score >= line.below:
        return None
    return now_ms if since_ms is None else since_ms


def _is_over(since_ms: int | None, line: _Line, now_ms: int) -> bool:
    return since_ms is not None and now_ms >= since_ms + line.for_ms
