"""Scorer: a health model, compiled. It takes records into rows, evaluates them at a tick, and says what is due when."""

from __future__ import annotations

from kenko.engine.assessing import Assessment, Assessor, Recall
from kenko.engine.calibration import churn_probability
from kenko.engine.causes import Stations, split_step
from kenko.engine.closes import close_days
from kenko.engine.conditions import Situation
from kenko.engine.evaluation import Evaluation
from kenko.engine.freshness import ALL_SOURCES, Freshness, Silent
from kenko.engine.identity import keyed_hash, short_hash
from kenko.engine.intake import Intake
from kenko.engine.kept import Kept
from kenko.engine.receipts import Before, ReceiptWriter
from kenko.engine.row_packing import RowPacker
from kenko.engine.rules import RuleSet
from kenko.engine.signals.quotients import earlier
from kenko.engine.signals.table import SignalTable
from kenko.engine.snapshots import forget_details, rotate
from kenko.engine.state import AccountState, Snapshot
from kenko.engine.traits import TraitRules
from kenko.engine.usage import Usage
from kenko.engine.zoning import NO_ZONE, ZoneRule, ZoneState
from kenko.model.limits import LATE_MS
from kenko.model.spec import HealthModel
from schemas.account_traits import AccountTraits
from schemas.base import from_ms
from schemas.health import HealthScore, Standing
from schemas.override import Override
from schemas.transition import AccountFacts, Receipt

_WHOLE_POINT = 100
_NOBODY: Silent = {}


class Scorer:
    """The fold of one account, for one model. Holds caches, but no state of any account."""

    def __init__(self, model: HealthModel, *, user_key: bytes = b"kenko") -> None:
        """`user_key` keys the hashes that stand for users: another key is another keyspace."""
        self.model = model
        self.horizon_ms = model.horizon_ms
        self._table = SignalTable(model, hashed=keyed_hash(user_key))
        self._fresh = Freshness(model, self._table)
        self._traits = TraitRules(model)
        self._intake = Intake(model, self._table, self._traits)
        self._assessor = Assessor(model, self._table, self._traits)
        self._receipts = ReceiptWriter(model, self._assessor, self._table)
        self._zones = [ZoneRule(policy.zones) for policy in model.policies]
        known = {rule.name: rule for policy in reversed(model.policies) for rule in policy.rules}
        self._rules = [RuleSet(policy.rules, known, self._table, self._traits) for policy in model.policies]
        self._rows = RowPacker(model.stored)
        self._mark = short_hash(model.score_hash)

    def new(self, account_id: str) -> AccountState:
        """The row of an account nobody has heard of."""
        return AccountState(account_id=account_id, scored_by=self._mark, signals=self._table.empty())

    def decode(self, account_id: str, row: bytes) -> AccountState:
        """The account in `row`. Raises ValueError for a row that is not of this account or this model's signals."""
        state = self._rows.decode(row)
        if state.account_id != account_id:
            raise ValueError("the row belongs to another account")
        return state

    def encode(self, state: AccountState) -> bytes:
        """The row of an account: the reverse of `decode`."""
        return self._rows.encode(state)

    def apply(  # noqa: PLR0913, PLR0917 - the hot path: keywords cost
        self,
        state: AccountState,
        event: Usage,
        time_ms: int,
        digest: bytes | None,
        row: bytes | None = None,
        memo: Recall | None = None,
    ) -> int:
        """Take an event into its account. Answers how many property values were bad and ignored.

        `digest`: of its id; None: it is worked out if something depends on it.
        `row`: the account as `encode` gives it, where the caller has it already. `memo`: what `evaluate` has left.
        """
        memo = Recall() if memo is None else memo
        if not state.touched:
            self._touch(state, row, memo.kept)
        last = state.last
        if last is not None and time_ms < last.time_ms - LATE_MS:
            kept = None if memo.kept is None else memo.kept.state
            late = self._rows.decode(state.late or state.base or self._rows.encode(kept or state))
            self._intake.event(late, event, time_ms, digest, Recall())
            state.late = self._rows.encode(late)
        return self._intake.event(state, event, time_ms, digest, memo)

    def amend(
        self, state: AccountState, record: AccountTraits | Override, digest: bytes, row: bytes | None = None
    ) -> int:
        """Take a record of traits or an override into its account. Answers how many values were bad and ignored."""
        if not state.touched:
            self._touch(state, row, None)
        return self._intake.record(state, record, digest)

    def evaluate(
        self, state: AccountState, now_ms: int, silent: Silent = _NOBODY, memo: Recall | None = None
    ) -> Evaluation | None:
        """Score the account at `now_ms`, move its zone and rules, and set when it is due next. None: nothing to tell.

        `silent`: sources that have fallen silent, and since when. `memo`: what an evaluation by this scorer left, with
        what was added since; it makes no difference but in speed.
        """
        last, zone_before, touched = state.last, state.zone, state.touched
        same_model = state.scored_by == self._mark
        origin = None if same_model or touched else self._rows.encode(state)  # reading forgets what is over
        memo = Recall() if memo is None else memo
        if close_days(state, now_ms):
            rotate(state, now_ms)  # periods begin with a day
            memo.highest.clear()
            self._fresh.forget(state, now_ms, silent)  # once a day, so that rows do not depend on who held them
        raws, next_ms = self._fresh.read(state, now_ms, silent, memo)
        if not same_model:
            state.lasting = {}
        for column in self._assessor.lasting:
            raw = raws[column]
            if raw is not None:
                state.lasting[column] = raw
        found = self._assessor.assess(state, raws, now_ms, memo)
        score, zones = found.score, self._zones[found.policy]
        if (
            score is None
            or found.standing is Standing.NEW
            or not zones.stays(zone_before, state.red_since_ms, state.yellow_since_ms, score)
        ):
            self._move_zone(state, zones, found.standing, score, now_ms)
        heard_ms = min(now_ms, silent[ALL_SOURCES]) if ALL_SOURCES in silent else now_ms
        situation = Situation(state, now_ms, heard_ms, found.standing, score, raws, memo)
        rules, rules_next_ms = self._rules[found.policy].decide(situation)
        if not same_model:
            forget_details(state)
            state.scored_by = self._mark
        state.last = Snapshot(now_ms, score, found.plain, raws, found.policy, dict(state.lasting))
        kept = None if memo.kept is None else memo.kept.take()
        base, late = kept or state.base or origin, state.late
        state.touched, state.base, state.late = False, None, None
        state.due_ms = self._next_due(state, found, next_ms, rules_next_ms)
        moved = state.zone is not zone_before
        is_news = moved or self._is_news(state, found.standing, score)
        if is_news:
            state.told, state.standing = score, found.standing
        if not (moved or rules or is_news):
            return None
        step = None
        if moved or rules:
            stations = self._stations(last, found, now_ms, silent, base=base, late=late, same_model=same_model)
            step = split_step(None if last is None else last.score, score, stations)
        return Evaluation(found, raws, zone_before, state.zone, rules, is_news, step, touched)

    def receipt(self, state: AccountState, evaluation: Evaluation, now_ms: int) -> Receipt:
        """The explanation of an evaluation at `now_ms`, right after it."""
        return self._receipts.receipt(state, evaluation.assessment, evaluation.raws, evaluation.step, now_ms)

    def facts(self, state: AccountState, now_ms: int) -> AccountFacts:
        """What is known of the account besides its use."""
        return self._traits.facts(state, now_ms)

    def red_hold_ms(self, policy: int) -> int:
        """How long a score of this policy has to be below the boundary of red before it is red."""
        return self.model.policies[policy].zones.red.for_ms

    def profile(self, policy: int) -> str | None:
        """The name of the profile with this policy; None for the base."""
        return self.model.profiles[policy - 1].name if policy else None

    def churn_probability(self, plain: int | None) -> float | None:
        """The calibrated probability of leaving within 90 days, at a score without overrides; None if uncalibrated."""
        return churn_probability(self.model.calibration, plain)

    def values(self, state: AccountState, now_ms: int) -> dict[str, float | None]:
        """What every signal of the model measures at `now_ms`; None where there is no data."""
        raws = self._table.measure(state, now_ms)
        names = [signal.name for signal in self.model.signals]
        return {
            name: None if raws[column] is None else self._table.value(column, raws[column] or 0)
            for column, name in enumerate(names)
        }

    def health(self, state: AccountState, now_ms: int, silent: Silent = _NOBODY) -> HealthScore:
        """What the row says at `now_ms`. Changes nothing: the zone is the one the last evaluation found."""
        raws = self._fresh.measure(state, now_ms, silent)
        found = self._assessor.assess(state, raws, now_ms)
        score = found.score
        in_zone = found.standing is Standing.SCORED and state.zone is not None
        held = self._fresh.held(silent)
        return HealthScore(
            account_id=state.account_id,
            model=self.model.name,
            score_hash=self.model.score_hash,
            time=from_ms(now_ms),
            standing=found.standing,
            score=None if score is None else score / 100,
            zone=state.zone if in_zone else None,
            zone_since=from_ms(state.zone_since_ms) if in_zone and state.zone_since_ms is not None else None,
            contributions=self._receipts.contributions(found, raws, self._receipts.before(state, found.policy)),
            churn_probability_90d=self.churn_probability(found.plain),
            stale_since=from_ms(min(held.values())) if held else None,
        )

    def before(self, state: AccountState, now_ms: int) -> Before | None:
        """The evaluation that receipts compare with, about a week old."""
        policy = self._assessor.assess(state, self._table.measure(state, now_ms), now_ms).policy
        return self._receipts.before(state, policy)

    def _touch(self, state: AccountState, row: bytes | None, kept: Kept | None) -> None:
        """Keep what the account was at its last evaluation: the step to the next one is split against it."""
        if state.last is not None:
            if kept is not None:
                kept.keep(state)
            else:
                state.base = self._rows.encode(state) if row is None else row
        state.touched = True

    @staticmethod
    def _move_zone(state: AccountState, zones: ZoneRule, standing: Standing, score: int | None, now_ms: int) -> None:
        before = ZoneState(state.zone, state.red_since_ms, state.yellow_since_ms)
        after = NO_ZONE if score is None else zones.decide(before, score, now_ms, in_grace=standing is Standing.NEW)
        if after.zone is not before.zone:
            state.zone_since_ms = now_ms if after.zone is not None else None
        state.zone, state.red_since_ms, state.yellow_since_ms = after

    @staticmethod
    def _is_news(state: AccountState, standing: Standing, score: int | None) -> bool:
        """The published score is a whole point off, or the standing has changed."""
        told = state.told
        if state.standing != standing or (told is None) is not (score is None):
            return True
        return told is not None and score is not None and abs(score - told) >= _WHOLE_POINT

    def _next_due(
        self, state: AccountState, found: Assessment, next_ms: int | None, rules_next_ms: int | None
    ) -> int | None:
        """The next time at which passing time alone can change value, policy, zone, hold, grace or rule."""
        if found.standing is Standing.CHURNED:  # only an event can bring that back
            next_ms = None
        due_ms = earlier(earlier(next_ms, found.next_ms), rules_next_ms)
        if state.yellow_since_ms is None or found.standing is not Standing.SCORED:  # below yellow if below red
            return due_ms
        zone = ZoneState(state.zone, state.red_since_ms, state.yellow_since_ms)
        return earlier(due_ms, self._zones[found.policy].next_change_ms(zone))

    def _stations(  # noqa: PLR0913 - what the way from one evaluation to the next is made of
        self,
        last: Snapshot | None,
        found: Assessment,
        now_ms: int,
        silent: Silent,
        *,
        base: AccountState | bytes | None,
        late: bytes | None,
        same_model: bool,
    ) -> Stations:
        """The score on the way from the last evaluation to this one."""
        if last is None or base is None:  # nothing came, and the model is the same: all of it is passing time
            plain = None if last is None else last.plain
            return Stations(plain, plain, plain, found.plain, found.plain)
        before = self._without_lasting(base, same_model=same_model)
        rescored = last.plain if same_model else self._plain(before, last.time_ms, silent)
        completed = rescored
        if late is not None:
            before = self._without_lasting(late, same_model=same_model)
            completed = self._plain(before, last.time_ms, silent)
        return Stations(last.plain, rescored, completed, self._plain(before, now_ms, silent), found.plain)

    def _without_lasting(self, row: AccountState | bytes, *, same_model: bool) -> AccountState:
        state = self._rows.decode(row) if isinstance(row, bytes) else row
        if not same_model:
            state.lasting = {}
        return state

    def _plain(self, state: AccountState, now_ms: int, silent: Silent) -> int | None:
        return self._assessor.assess(state, self._fresh.measure(state, now_ms, silent), now_ms).plain
