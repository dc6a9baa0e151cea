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


class Stations(NamedTuple):
    """The score without overrides, from the last evaluation to this one, in hundredths; None: no score there."""

    before: int | None
    """As the last evaluation found it."""
    rescored: int | None
    """The same by today's model."""
    completed: int | None
    """The same, had what came late been known."""
    aged: int | None
    """The same at today's time, without what came in time since."""
    after: int | None
    """As this evaluation finds it."""


def split_step(before: int | None, after: int | None, stations: Stations) -> Step:
    """Split the step from `before` to `after`, which hold what people set by hand.

    Where a station between has no score, the way over it cannot be told apart and counts with the next part. Where an
    end has no score but for an override, all of the step is the override's.
    """
    if before is None or after is None:
        return Step(before, after, {})
    if stations.before is None or stations.after is None:
        return Step(before, after, {Cause.OVERRIDE: after - before} if after != before else {})
    start = stations.before
    rescored = start if stations.rescored is None else stations.rescored
    completed = rescored if stations.completed is None else stations.completed
    aged = completed if stations.aged is None else stations.aged
    parts = {
        Cause.CHANGED_MODEL: rescored - start,
        Cause.LATE_DATA: completed - rescored,
        Cause.PASSING_TIME: aged - completed,
        Cause.BEHAVIOUR: stations.after - aged,
        Cause.OVERRIDE: (after - stations.after) - (before - start),
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
    return _largest(step.parts, delta) or Cause.PASSING_TIME


def rule_cause(step: Step, *, touched: bool) -> Cause:
    """The cause of a rule's beginning or end: the largest part of the step, else whatever brought the evaluation."""
    delta = 0 if step.before is None or step.after is None else step.after - step.before
    largest = _largest(step.parts, delta) if delta else None
    return largest or (Cause.BEHAVIOUR if touched else Cause.PASSING_TIME)


def _largest(parts: dict[Cause, int], delta: int) -> Cause | None:
    same_way = {cause: abs(part) for cause, part in parts.items() if part * delta > 0}
    return max(same_way, key=same_way.__getitem__) if same_way else None
