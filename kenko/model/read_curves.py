"""What health a value has: `curve: {points: [[x, health], ...]}` or `curve: {half_life: 7d}`."""

from __future__ import annotations

from kenko.model import limits
from kenko.model.nodes import Place
from kenko.model.spec import Curve, HalfLife, Points

_MOST_POINTS = 64


def read_curve(place: Place, is_recency: bool | None) -> Curve | None:
    """The curve at `place`. A half-life is only for recency; `is_recency` None means that nobody knows."""
    fields = place.fields(("points", "half_life"))
    if fields is None:
        return None
    if len(fields) != 1:
        place.mistake("a curve is either points or half_life")
        return None
    if "half_life" not in fields:
        return _read_points(fields["points"])
    if is_recency is False:
        fields["half_life"].mistake("a half-life needs a signal with aggregate: recency", "use points instead")
    half_life = fields["half_life"].duration()
    if half_life is None:
        return None
    if not limits.MIN_WINDOW_MS <= half_life <= limits.MAX_WINDOW_MS:
        fields["half_life"].mistake("a half-life is 1h to 365d")
    return HalfLife(half_life_ms=half_life)


def _read_points(place: Place) -> Points | None:
    points: list[tuple[float, float]] = []
    count = 0
    for item in place.items("a list of [value, health] points"):
        count += 1
        pair = list(item.items("a point [value, health]"))
        if not item.is_list:
            continue
        if len(pair) != 2:
            item.mistake(f"a point is [value, health], found {len(pair)} parts")
            continue
        x, health = pair[0].number(), pair[1].number_within(0, 100)
        if x is None or health is None:
            continue
        if points and x <= points[-1][0]:
            item.mistake(f"values must increase from point to point: {x:g} comes after {points[-1][0]:g}")
        points.append((x, health))
    if place.is_list and not 2 <= count <= _MOST_POINTS:
        place.mistake(f"a curve has 2 to {_MOST_POINTS} points, found {count}")
    return Points(points=tuple(points)) if points else None
