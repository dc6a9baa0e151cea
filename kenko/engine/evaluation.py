"""What a tick made of an account whose zone it changed."""

from __future__ import annotations

from typing import NamedTuple

from kenko.engine.causes import Step
from kenko.engine.scoring import Scored
from schemas.health import Standing, Zone


class Evaluation(NamedTuple):
    """A change of zone, with all that explains it."""

    standing: Standing
    zone_before: Zone | None
    zone: Zone | None
    scored: Scored | None
    raws: list[int | None]
    """By signal."""
    step: Step
    touched: bool
    """Events were applied since the evaluation before."""
