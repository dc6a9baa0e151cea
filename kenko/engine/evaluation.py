"""What a tick made of an account, where there is something to tell."""

from __future__ import annotations

from typing import NamedTuple

from kenko.engine.assessing import Assessment
from kenko.engine.causes import Step
from kenko.engine.rules import RuleChange
from schemas.health import Zone


class Evaluation(NamedTuple):
    """A change of zone, of rules, or of the published score, with all that explains it."""

    assessment: Assessment
    raws: list[int | None]
    """By column."""
    zone_before: Zone | None
    zone: Zone | None
    rules: list[RuleChange]
    is_news: bool
    """The score moved by a point since it was last published, or zone or standing changed."""
    step: Step | None
    """None where neither zone nor rules changed."""
    touched: bool
    """Records were applied since the evaluation before."""
