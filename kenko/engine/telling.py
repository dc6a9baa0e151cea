"""Telling: an evaluation as transitions and as a score to publish. Ids repeat when the same tick is applied again."""

from __future__ import annotations

from typing import Any

from kenko.engine.backfill import is_quiet
from kenko.engine.causes import Step, main_cause, rule_cause
from kenko.engine.evaluation import Evaluation
from kenko.engine.identity import transition_id
from kenko.engine.rules import RuleChange
from kenko.engine.scorer import Scorer
from kenko.engine.state import AccountState
from schemas.base import from_ms, trusted
from schemas.health import ScoreUpdate, Zone
from schemas.transition import ZONE_RULE, RuleKind, Transition


class Teller:
    """Of one partition."""

    def __init__(self, scorer: Scorer, partition: int, score_hash: str) -> None:
        self._scorer = scorer
        self._partition = partition
        self._score_hash = score_hash

    def score(self, state: AccountState, evaluation: Evaluation, offset: int, now_ms: int) -> ScoreUpdate:
        """The score to publish."""
        found = evaluation.assessment
        return trusted(
            ScoreUpdate,
            account_id=state.account_id,
            model=self._scorer.model.name,
            score_hash=self._score_hash,
            time=from_ms(now_ms),
            partition=self._partition,
            offset=offset,
            standing=found.standing,
            score=None if found.score is None else found.score / 100,
            zone=state.zone,
            churn_probability_90d=self._scorer.churn_probability(found.plain),
        )

    def transitions(
        self, state: AccountState, evaluation: Evaluation, step: Step, offset: int, now_ms: int
    ) -> list[Transition]:
        """The change of zone, if there is one, then those of rules."""
        common = {
            "account_id": state.account_id,
            "model": self._scorer.model.name,
            "score_hash": self._score_hash,
            "time": from_ms(now_ms),
            "partition": self._partition,
            "offset": offset,
            "receipt": self._scorer.receipt(state, evaluation, now_ms),
            "profile": self._scorer.profile(evaluation.assessment.policy),
            "account": self._scorer.facts(state, now_ms),
        }
        told = []
        if evaluation.zone_before is not evaluation.zone:
            hold_ms = self._scorer.red_hold_ms(evaluation.assessment.policy)
            told.append(self._of_zone(evaluation, step, is_quiet(state, now_ms, hold_ms), common))
        for change in evaluation.rules:
            hold_ms = 0 if change.rule is None else change.rule.for_ms
            told.append(self._of_rule(change, evaluation, step, is_quiet(state, now_ms, hold_ms), common))
        return told

    def _of_zone(self, evaluation: Evaluation, step: Step, quiet: bool, common: dict[str, Any]) -> Transition:
        before, after = evaluation.zone_before, evaluation.zone
        return trusted(
            Transition,
            id=self._id(ZONE_RULE, common),
            rule=ZONE_RULE,
            from_zone=before,
            to_zone=after,
            cause=main_cause(step, before, after, touched=evaluation.touched),
            active=after is Zone.RED,
            kind=RuleKind.CHURN,
            label="",
            backfill=quiet,
            **common,
        )

    def _of_rule(
        self, change: RuleChange, evaluation: Evaluation, step: Step, quiet: bool, common: dict[str, Any]
    ) -> Transition:
        rule = change.rule
        return trusted(
            Transition,
            id=self._id(change.name, common),
            rule=change.name,
            from_zone=evaluation.zone,
            to_zone=evaluation.zone,
            cause=rule_cause(step, touched=evaluation.touched),
            active=change.holds,
            kind=RuleKind.CHURN if rule is None else rule.kind,
            label=change.name if rule is None else rule.label(),
            backfill=quiet,
            **common,
        )

    def _id(self, rule: str, common: dict[str, Any]) -> str:
        return transition_id(common["account_id"], rule, self._score_hash, self._partition, common["offset"])
