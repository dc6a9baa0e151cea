"""Rewrite: the text of the new model, read back to be sure that it says what was fitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kenko.backtest.calibration.errors import CalibrationError
from kenko.backtest.calibration.fitted import FittedInput, Pairs
from kenko.model import HealthModel, load_model
from kenko.model.errors import ModelErrors
from kenko.model.limits import DAY_MS, HOUR_MS
from kenko.model.score_spec import Points
from kenko.model.write import ModelText, UnwritableError

WITHIN_MS = 90 * DAY_MS
"""How far ahead a probability looks where the model does not say."""


@dataclass(frozen=True)
class Draft:
    """A model's text and the model it says."""

    text: str
    model: HealthModel
    name: str
    """Where the text came from, for messages."""


def draft(text: str, name: str) -> Draft:
    """The text as it is. Raises ModelErrors."""
    return Draft(text, load_model(text, name=name), name)


def with_inputs(before: Draft, inputs: Sequence[FittedInput], version: int) -> Draft:
    """The model with other weights and curves, as another version."""

    def change(editor: ModelText) -> None:
        for group in before.model.base.groups:
            mine = [item for item in inputs if item.group == group.name]
            editor.set_number(("score", "groups", group.name, "weight"), _total(mine))
            for place, item in enumerate(mine):
                path = ("score", "groups", group.name, "inputs", place)
                editor.set_number((*path, "weight"), item.weight)
                if item.points is not None:
                    editor.set_points((*path, "curve"), item.points)
        editor.set_number(("metadata", "version"), version)

    after = _changed(before, change)
    _check(after.model, inputs, before.name)
    return after


def with_zones(before: Draft, yellow: float, margin: float) -> Draft:
    """The model whose yellow begins at another score; its zones clear `margin` above, or where they did if that is nearer.

    Red begins where it did. A profile may have a red of its own, and yellow must begin above that too.
    """
    red, old = before.model.base.zones.red, before.model.base.zones.yellow
    reds = [policy.zones.red for policy in before.model.policies]
    below = max(yellow, *(zone.below + 1 for zone in reds), red.below + 1)
    red_clear = round(red.below + min(margin, red.clear_above - red.below), 1)
    profiles_clear = max(zone.clear_above for zone in reds)
    clear = min(100.0, max(below + min(margin, old.clear_above - old.below), profiles_clear))

    def change(editor: ModelText) -> None:
        editor.set_number(("zones", "red", "clear_above"), red_clear)
        editor.set_number(("zones", "yellow", "below"), below)
        editor.set_number(("zones", "yellow", "clear_above"), round(clear, 1))

    return _changed(before, change)


def without_written_caps(before: Draft) -> Draft:
    """The model with no cap."""
    if not before.model.base.caps:
        return before
    return _changed(before, lambda editor: editor.empty(("score", "caps")))


def with_calibration(before: Draft, line: Pairs, within_ms: int, comment: str) -> Draft:
    """The model with a line from score to probability."""
    return _changed(before, lambda editor: editor.set_calibration(_days(within_ms), line, comment))


def _changed(before: Draft, change: Callable[[ModelText], None]) -> Draft:
    editor = ModelText(before.text)
    try:
        change(editor)
    except UnwritableError as error:
        raise CalibrationError(f"{before.name}: {error}") from None
    return _read(editor.text(), before.name)


def _days(duration_ms: int) -> str:
    return f"{duration_ms // DAY_MS}d" if duration_ms % DAY_MS == 0 else f"{duration_ms // HOUR_MS}h"


def _total(inputs: Sequence[FittedInput]) -> float:
    return round(sum(item.weight for item in inputs), 1)


def _read(text: str, name: str) -> Draft:
    try:
        return Draft(text, load_model(text, name=f"{name}, calibrated"), name)
    except ModelErrors as error:
        raise CalibrationError(
            f"The new model would not load; a profile or a rule may not go with it:\n{error}"
        ) from error


def _check(model: HealthModel, inputs: Sequence[FittedInput], name: str) -> None:
    """The text may share parts by anchors: then two places would have got one value."""
    written = [(group.name, item) for group in model.base.groups for item in group.inputs]
    for (group, item), wanted in zip(written, inputs, strict=True):
        is_curve = wanted.points is None or item.curve == Points(points=wanted.points)
        if group != wanted.group or item.weight != wanted.weight or not is_curve:
            raise CalibrationError(
                f"{name}: {wanted.group}: {wanted.signal}: its weight or curve is shared with another input by an"
                " anchor (&name, *name); write it out there"
            )
