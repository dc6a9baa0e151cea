"""What health a value has: `curve: {points: [[x, health], ...]}`, `{steps: [...]}` or `{half_life: 7d}`."""

from __future__ import annotations

from kenko.model import limits
from kenko.model.nodes import Place
from kenko.model.score_spec import Curve, HalfLife, Points, Step, Steps

_SHAPES = ("points", "steps", "half_life")
_MOST_POINTS = 64


def read_curve(place: Place, is_recency: bool | None) -> Curve | None:
    """The curve at `place`. A half-life is only for recency; `is_recency` None means that nobody knows."""
    fields = place.fields(_SHAPES)
    if fields is None:
        return None
    if len(fields) != 1:
        place.mistake("a curve is one of points, steps and half_life")
        return None
    if "points" in fields:
        return _read_points(fields["points"])
    if "steps" in fields:
        return _read_steps(fields["steps"])
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


def _read_steps(place: Place) -> Steps | None:
    items = list(place.items("a list of steps"))
    steps: list[Step] = []
    for item in items:
        step = _read_step(item, is_last=item is items[-1])
        if step is None:
            continue
        before = steps[-1] if steps else None
        if before is not None and before.edge is not None and step.edge is not None and not _is_above(step, before):
            item.mistake(f"edges must increase from step to step: {step.edge:g} comes after {before.edge:g}")
        steps.append(step)
    if place.is_list and not 2 <= len(items) <= _MOST_POINTS:
        place.mistake(f"a curve has 2 to {_MOST_POINTS} steps, found {len(items)}")
    return Steps(steps=tuple(steps)) if steps else None


def _is_above(step: Step, before: Step) -> bool:
    """At the same edge `lte` comes after `lt`: the step in between is that very value."""
    low, high = before.edge or 0.0, step.edge or 0.0
    return high > low or (high == low and step.is_inclusive and not before.is_inclusive)


def _read_step(place: Place, *, is_last: bool) -> Step | None:
    fields = place.fields(("lt", "lte", "health"), required=("health",))
    if fields is None:
        return None
    edges = [key for key in ("lt", "lte") if key in fields]
    if len(edges) == 2:
        fields["lte"].key_mistake("a step ends at lt or at lte, not at both")
    if is_last and edges:
        fields[edges[0]].key_mistake("the last step has no end", "add one with health alone, for all that is left")
    if not is_last and not edges and "health" in fields:
        place.mistake("only the last step has no end", "for example {lt: 3, health: 100}")
    edge = fields[edges[0]].number() if edges else None
    health = fields["health"].number_within(0, 100) if "health" in fields else None
    if health is None or (edge is None and edges):
        return None
    return Step(edge=edge, is_inclusive=edges == ["lte"], health=health)
