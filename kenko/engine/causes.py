"""Why a score moved: the step since the last evaluation, split exactly, and the part that counts as the cause."""

from __future__ import annotations

from typing import NamedTuple

from schemas.health import Zone
from schemas.transition import Cause

_RANK = {Zone.RED: 0, Zone.YELLOW: 1, Zone.GREEN: 2}


class Step(NamedTuple):
    """A change of the score, in hundredths. The parts add up to it; both are empty where an end has no score."""

    before: int | None
    after: int | None
    parts: dict[Cause, int]


def split_step(before: int | None, rescored: int | None, aged: int | None, after: int | None) -> Step:
    """Split the step from `before` to `after`.

    `rescored`: what was there at the last evaluation, by today's model; it differs from `before` only after a change of
    the model. `aged`: the same, with today's time and without the events since. Where one of the two has no score, the
    way between the others cannot be told apart and counts as behaviour.
    """
    if before is None or after is None:
        return Step(before, after, {})
    start = before if rescored is None else rescored
    middle = start if aged is None else aged
    parts = {
        Cause.CHANGED_MODEL: start - before,
        Cause.PASSING_TIME: middle - start,
        Cause.BEHAVIOUR: after - middle,
    }
    return Step(before, after, {cause: part for cause, part in parts.items() if part})


def main_cause(step: Step, from_zone: Zone | None, to_zone: Zone | None, *, touched: bool) -> Cause:
    """The largest part in the direction of the change.

    An account that was merely due moved by passing time, unless the model changed. So did one whose score did not move
    in the direction of its zone: then a hold or a grace ended. Where there is no step to split, events were the cause.
    """
    if step.before is None or step.after is None:
        return Cause.BEHAVIOUR if touched else Cause.PASSING_TIME
    delta = step.after - step.before
    if from_zone is not None and to_zone is not None and delta * (_RANK[to_zone] - _RANK[from_zone]) <= 0:
        return Cause.CHANGED_MODEL if Cause.CHANGED_MODEL in step.parts else Cause.PASSING_TIME
    same_way = {cause: abs(part) for cause, part in step.parts.items() if part * delta > 0}
    return max(same_way, key=same_way.__getitem__) if same_way else Cause.PASSING_TIME
