"""HealthScore: 0 to 100, higher is healthier, with the contributions that add up to it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.base import Contract, Identifier, UtcTime

CAP_GROUP = "cap"
"""Group of the contribution that says what a cap took away; no group of inputs may be called so."""

OVERRIDE_GROUP = "override"
"""Group of the contribution that says what a person added or took away; no group of inputs may be called so."""

Points = Annotated[float, Field(description="Points of a score, a multiple of 0.01.")]


def centi(points: float) -> int:
    """`points` in whole hundredths: sums of hundredths are exact where sums of floats are not."""
    return round(points * 100)


class Zone(StrEnum):
    """Coloured range of the score."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"


class Standing(StrEnum):
    """Why an account has a zone, or none."""

    SCORED = "scored"
    """Has a score and a zone."""
    NEW = "new"
    """Inside the grace of a new account: it may have a score, but no zone yet."""
    UNKNOWN = "unknown"
    """Neither use nor a contract was ever heard of, or no input has data: neither red nor green."""
    CHURNED = "churned"
    """The contract has ended: nothing left to save, no zone."""


class Contribution(Contract):
    """What one input adds to the score."""

    group: str
    signal: str
    label: str = Field(description="The signal in words a CSM reads.")
    value: float | None = Field(description="What was measured, in the signal's own unit; null where there is no data.")
    unit: str = Field(default="", description="Unit of `value`, for example 'users' or 'days'.")
    health: float | None = Field(description="0 to 100: what the curve makes of the value; null where missing.")
    weight: float = Field(ge=0, le=1, description="Share of the score after missing inputs were dealt with.")
    points: Points = Field(description="Points actually added.")
    value_before: float | None = Field(default=None, description="The value at the receipt's reference time.")
    points_before: Points | None = Field(default=None, description="The points at the receipt's reference time.")
    note: str | None = Field(default=None, description="For example 'no data: its weight went to the other inputs'.")


class HealthScore(Contract):
    """The score of one account at one tick. The contributions' points add up to the score exactly, in hundredths."""

    account_id: Identifier
    model: str = Field(description="Name of the health model.")
    score_hash: str = Field(description="Hash of all that decides the result.")
    time: UtcTime = Field(description="The tick it was scored at.")
    standing: Standing
    score: Points | None
    zone: Zone | None
    zone_since: UtcTime | None = None
    contributions: tuple[Contribution, ...] = ()
    churn_probability_90d: float | None = Field(default=None, ge=0, le=1, description="Null where not calibrated.")
    stale_since: UtcTime | None = Field(
        default=None, description="A source of events is silent since then: what it feeds is shown as it was."
    )

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.score is not None:
            total = sum(centi(c.points) for c in self.contributions)
            if total != centi(self.score):
                raise ValueError(f"contributions add up to {total / 100:.2f}, the score is {self.score:.2f}")
        return self


class ScoreUpdate(Contract):
    """The latest score of an account, without its receipt: on its own topic when it moved by a whole point or more, or
    changed zone or standing. Of two for one account the one with the higher offset is newer.
    """

    account_id: Identifier
    model: str
    score_hash: str
    time: UtcTime = Field(description="Log time of the tick it was scored at.")
    partition: int = Field(ge=0)
    offset: int = Field(ge=0, description="Offset of that tick.")
    standing: Standing
    score: Points | None
    zone: Zone | None
    churn_probability_90d: float | None = Field(default=None, ge=0, le=1, description="Null where not calibrated.")
