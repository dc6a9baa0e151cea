"""Transition: the fact the scorer emits when a zone or a rule changed, with the receipt that explains it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from schemas.base import Contract, Identifier, UtcTime
from schemas.health import Contribution, Points, Standing, Zone, centi

ZONE_RULE = "zone"
"""Name of the rule whose transitions say that a zone changed; no rule of a model may be called so."""


class Cause(StrEnum):
    """What moved the score: the parts into which every change splits exactly."""

    BEHAVIOUR = "behaviour"
    PASSING_TIME = "passing_time"
    LATE_DATA = "late_data"
    CHANGED_MODEL = "changed_model"
    OVERRIDE = "override"


class RuleKind(StrEnum):
    """What a rule is about: it decides who is told."""

    CHURN = "churn"
    SENTIMENT = "sentiment"
    SUPPORT = "support"
    ONBOARDING = "onboarding"
    RENEWAL = "renewal"
    EXPANSION = "expansion"


class AccountFacts(Contract):
    """What is known of an account besides its use: who is told, and what is at stake. Null where it is not known."""

    name: str | None = None
    owner: str | None = Field(default=None, description="Who looks after it.")
    plan: str | None = None
    seats: float | None = None
    mrr: float | None = Field(default=None, description="Recurring revenue a month; 0 after the contract ended.")
    touch: str | None = Field(default=None, description="high, low or tech; derived from mrr where not given.")
    lifecycle: str | None = Field(default=None, description="onboarding, adoption, renewal, churned, or as given.")
    renewal_date: UtcTime | None = None
    parent: str | None = Field(default=None, description="Account id of the parent, where there is one.")


class ScoreChange(Contract):
    """The step from the previous evaluation to this one, split by cause. The parts add up exactly."""

    before: Points | None = Field(description="Score at the previous evaluation; null where there was none.")
    after: Points | None
    parts: dict[Cause, Points] = Field(default_factory=dict, description="Points by cause; absent means 0.")

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.before is not None and self.after is not None:
            total = sum(centi(p) for p in self.parts.values())
            if total != centi(self.after) - centi(self.before):
                raise ValueError(f"parts add up to {total / 100:.2f}, not to the change of the score")
        return self


class Receipt(Contract):
    """The exact explanation of a score and of how it came to be.

    `contributions` add up to `score`. `change` explains the last step. `reference_time` and the contributions'
    `*_before` hold an earlier evaluation, about a week old, for "38, was 61 a week ago".
    """

    score: Points | None
    standing: Standing
    contributions: tuple[Contribution, ...]
    change: ScoreChange
    reference_time: UtcTime | None = None
    reference_score: Points | None = None
    last_seen: UtcTime | None = Field(default=None, description="Newest use: contract events do not count.")

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.score is not None:
            total = sum(centi(c.points) for c in self.contributions)
            if total != centi(self.score):
                raise ValueError(f"contributions add up to {total / 100:.2f}, the score is {self.score:.2f}")
        return self


class Transition(Contract):
    """`id` is the same whenever the same tick of the same log is applied with the same model."""

    id: str = Field(description="hash(account, rule, score hash, partition and offset of the tick)")
    account_id: Identifier
    rule: str = Field(default=ZONE_RULE, description="'zone', or the name of a rule of the model.")
    model: str
    score_hash: str
    from_zone: Zone | None = Field(description="Null: no zone before (new, unknown or churned).")
    to_zone: Zone | None = Field(description="Null: no zone any more (churned, or no data).")
    time: UtcTime = Field(description="Log time of the tick that caused it.")
    partition: int = Field(ge=0)
    offset: int = Field(ge=0, description="Offset of the tick that caused it.")
    cause: Cause
    receipt: Receipt
    active: bool | None = Field(
        default=None, description="True: the rule began to hold (for 'zone': red was entered). False: it does not hold."
    )
    kind: RuleKind = Field(default=RuleKind.CHURN, description="What the rule is about.")
    label: str = Field(default="", description="The rule in words a CSM reads; empty for 'zone'.")
    profile: str | None = Field(default=None, description="The model's profile for this account; null: none fits.")
    account: AccountFacts = Field(default_factory=AccountFacts)
    backfill: bool = Field(
        default=False, description="History was being loaded into the account: it is so, and nobody is told."
    )

    @property
    def is_of_zone(self) -> bool:
        """True if it says that the zone changed; False if a rule of the model began or ceased to hold."""
        return self.rule == ZONE_RULE

    @property
    def holds(self) -> bool:
        """True if the rule holds from now on. Records from before `active` existed are all of zones."""
        return self.to_zone is Zone.RED if self.active is None else self.active
