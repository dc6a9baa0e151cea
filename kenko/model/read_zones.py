"""Where red and yellow begin and end: the `zones` of a model."""

from __future__ import annotations

from kenko.model.nodes import Place
from kenko.model.score_spec import Boundary, Zones


def read_zones(place: Place) -> Zones | None:
    """The zones at `place`, or None after reporting what is wrong."""
    fields = place.fields(("red", "yellow"), required=("red", "yellow")) or {}
    red = _read_boundary(fields["red"]) if "red" in fields else None
    yellow = _read_boundary(fields["yellow"]) if "yellow" in fields else None
    if red is None or yellow is None:
        return None
    if yellow.below <= red.below:
        fields["yellow"].mistake(f"yellow must begin above red: {yellow.below:g} is not above {red.below:g}")
    elif yellow.clear_above < red.clear_above:
        fields["yellow"].mistake(
            f"yellow must not clear before red: {yellow.clear_above:g} is below {red.clear_above:g}"
        )
    return Zones(red=red, yellow=yellow)


def _read_boundary(place: Place) -> Boundary | None:
    fields = place.fields(("below", "clear_above", "for"), required=("below", "clear_above")) or {}
    below = fields["below"].number_within(0, 100) if "below" in fields else None
    clear_above = fields["clear_above"].number_within(0, 100) if "clear_above" in fields else None
    hold = fields["for"].duration() if "for" in fields else 0
    if below is None or clear_above is None or hold is None:
        return None
    if clear_above <= below:
        fields["clear_above"].mistake(
            f"clear_above must be above below: {clear_above:g} is not above {below:g}",
            "the distance keeps an account at the boundary from flapping; 4 or 5 points are usual",
        )
    return Boundary(below=below, clear_above=clear_above, for_ms=hold)
