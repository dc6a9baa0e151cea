"""Assessment: standing and score of an account at a time, from its values, its traits and what people set by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from kenko.engine.kept import Kept
from kenko.engine.overrides import Active, active_override
from kenko.engine.profiles import Profiles
from kenko.engine.scoring import Scored, Scoring
from kenko.engine.signals.table import Memo, SignalTable
from kenko.engine.state import AccountState
from kenko.engine.traits import TraitRules, has_ended
from kenko.model.spec import HealthModel
from schemas.health import Standing

UNKNOWN_GAP = -1
"""The usual gap has to be worked out."""


class Assessment(NamedTuple):
    """What an account is worth. Scores in hundredths."""

    standing: Standing
    policy: int
    """Which of the model's policies judged it: 0 is the base."""
    scored: Scored | None
    """From its values; None: no data, or churned."""
    override: Active | None
    """What a person set, if it is in force."""
    next_ms: int | None
    """When passing time alone changes policy, grace or override."""

    @property
    def plain(self) -> int | None:
        """The score without what a person set."""
        return None if self.scored is None else self.scored.score

    @property
    def score(self) -> int | None:
        """The score that counts."""
        if self.override is not None:
            return self.override.score
        return None if self.scored is None else self.scored.score

    def lasts_at(self, now_ms: int) -> bool:
        """Passing time has changed nothing yet, and no override was in force."""
        return self.override is None and (self.next_ms is None or now_ms < self.next_ms)


class Recall(Memo):
    """A memo that also knows how the account was assessed last, and what followed from its traits and its days of use."""

    __slots__ = ("calm", "choice", "found", "gap_ms", "highest", "kept", "live", "passed_by", "used_day")

    def __init__(self, *, kept: Kept | None = None) -> None:
        """`kept`: keeps the account as it was at its last evaluation, in place of a row, where no rows are stored."""
        super().__init__()
        self.kept = kept
        self.found: Assessment | None = None
        self.choice: tuple[int, int | None] | None = None
        """The policy, and until when it is the one; as long as the memo was not dropped."""
        self.gap_ms: int | None = UNKNOWN_GAP
        """The usual gap between days of use."""
        self.used_day: int | None = None
        """The day of use that was noted last."""
        self.highest: dict[int, int | None] = {}
        """By number of days: the highest close."""
        self.passed_by: object = None
        """Whose verdicts `live` holds; None: they are to be made anew."""
        self.live: dict[str, Any] = {}
        """By name: the rules whose tests on signals and traits hold, as their set keeps them."""
        self.calm: Any = None
        """How that set left them, and until when; None: they are to be asked."""


class Assessor:
    """Assesses accounts by one model."""

    def __init__(self, model: HealthModel, table: SignalTable, traits: TraitRules) -> None:
        self.scorings = [Scoring(policy, table) for policy in model.policies]
        self.lasting = frozenset(column for scoring in self.scorings for column in scoring.lasting)
        """Columns whose newest value a row keeps."""
        self._graces = [policy.new_account_grace_ms for policy in model.policies]
        self._profiles = Profiles(model, traits)

    def assess(
        self, state: AccountState, raws: Sequence[int | None], now_ms: int, recall: Recall | None = None
    ) -> Assessment:
        """The account at `now_ms`, with these values. `recall`: as the table has brought it up to date for them."""
        if recall is None:
            return self._assess(state, raws, now_ms, None)
        found, last = None, recall.found
        if last is not None and recall.read >= 0 and state.override is None and last.lasts_at(now_ms):
            found = self._again(last, state, raws, recall.read)
        if found is None:
            found = self._assess(state, raws, now_ms, recall)
        recall.found = found
        return found

    def _again(
        self, last: Assessment, state: AccountState, raws: Sequence[int | None], columns: int
    ) -> Assessment | None:
        """As it was but for the values of these columns, a bit each; None where there is no score any more."""
        _, policy, before, _, next_ms = last
        if before is None:
            return None
        scored = self.scorings[policy].again(before, columns, raws, state.lasting)
        if scored is before:
            return last
        return None if scored is None else Assessment(last.standing, policy, scored, None, next_ms)

    def _choose(self, state: AccountState, now_ms: int, recall: Recall | None) -> tuple[int, int | None]:
        """The policy, by what is recalled while neither traits nor the phase have changed."""
        if recall is None:
            return self._profiles.choose(state, now_ms)
        choice = recall.choice
        if choice is None or recall.read < 0 or (choice[1] is not None and now_ms >= choice[1]):
            choice = recall.choice = self._profiles.choose(state, now_ms)
            recall.passed_by = None
        return choice

    def _assess(
        self, state: AccountState, raws: Sequence[int | None], now_ms: int, recall: Recall | None
    ) -> Assessment:
        if state.ended_ms is not None and has_ended(state):
            return Assessment(Standing.CHURNED, 0, None, None, None)
        number, next_ms = self._choose(state, now_ms, recall)
        override = None if state.override is None else active_override(state, now_ms)
        seen_ms = state.first_seen_ms
        if seen_ms is None or (state.last_seen_ms is None and state.started_ms is None):
            # Nothing but traits: counts that read 0 would make it red. A contract that nobody uses is another thing.
            scored = None
        elif recall is not None and (last := recall.found) is not None and last.scored and last.policy == number:
            scored = self.scorings[number].again(last.scored, recall.read, raws, state.lasting)
        else:
            scored = self.scorings[number].score(raws, state.lasting)
        if override is not None:
            if override.until_ms is not None:
                next_ms = override.until_ms if next_ms is None else min(next_ms, override.until_ms)
            return Assessment(Standing.SCORED, number, scored, override, next_ms)
        if scored is None or seen_ms is None:
            return Assessment(Standing.UNKNOWN, number, None, None, next_ms)
        grace_ends = seen_ms + self._graces[number]
        if now_ms < grace_ends:
            next_ms = grace_ends if next_ms is None else min(next_ms, grace_ends)
            return Assessment(Standing.NEW, number, scored, None, next_ms)
        return Assessment(Standing.SCORED, number, scored, None, next_ms)
