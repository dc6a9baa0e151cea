"""From a score to a probability: the `calibration` of a model."""

from __future__ import annotations

from kenko.model import limits
from kenko.model.nodes import Place
from kenko.model.spec import Calibration

_MOST_POINTS = 256


def read_calibration(place: Place) -> Calibration | None:
    """The calibration at `place`, or None after reporting what is wrong."""
    fields = place.fields(("within", "points"), required=("within", "points")) or {}
    within = fields["within"].duration() if "within" in fields else None
    if within is not None and not limits.DAY_MS <= within <= limits.MAX_WINDOW_MS:
        fields["within"].mistake("a probability is of leaving within 1d to 365d")
    points = _read_points(fields["points"]) if "points" in fields else ()
    return Calibration(points=points, within_ms=within) if within is not None and points else None


def _read_points(place: Place) -> tuple[tuple[float, float], ...]:
    points: list[tuple[float, float]] = []
    for item in place.items("a list of [score, probability] points"):
        pair = list(item.items("a point [score, probability]"))
        if not item.is_list:
            continue
        if len(pair) != 2:
            item.mistake(f"a point is [score, probability], found {len(pair)} parts")
            continue
        score, probability = pair[0].number_within(0, 100), pair[1].number_within(0, 1)
        if score is None or probability is None:
            continue
        if points and score <= points[-1][0]:
            item.mistake(f"scores must increase from point to point: {score:g} comes after {points[-1][0]:g}")
        if points and probability > points[-1][1]:
            item.mistake(
                f"a higher score cannot mean a higher probability of leaving: {probability:g} comes after "
                f"{points[-1][1]:g}"
            )
        points.append((score, probability))
    count = len(place.node.value) if place.is_list else 2
    if not 2 <= count <= _MOST_POINTS:
        place.mistake(f"a calibration has 2 to {_MOST_POINTS} points, found {count}")
    return tuple(points)
