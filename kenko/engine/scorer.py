"""Scorer: a health model, compiled. It takes events into rows, evaluates them at a tick, and says what is due when."""

from __future__ import annotations

from kenko.engine.causes import split_step
from kenko.engine.evaluation import Evaluation
from kenko.engine.identity import keyed_hash
from kenko.engine.matching import EventIndex
from kenko.engine.receipts import ReceiptWriter
from kenko.engine.scoring import Scored, Scoring
from kenko.engine.signals.compiling import compile_signals
from kenko.engine.snapshots import forget_details, reference, rotate
from kenko.engine.state import (
    AccountState,
    Basis,
    Snapshot,
    decode_basis,
    decode_state,
    encode_basis,
    encode_state,
)
from kenko.engine.zoning import NO_ZONE, ZoneRule, ZoneState
from kenko.model.spec import HealthModel
from schemas.base import from_ms
from schemas.health import HealthScore, Standing
from schemas.transition import Receipt
from schemas.usage_event import UsageEvent


class Scorer:
    """The fold of one account, for one model. Holds caches, but no state of any account."""

    def __init__(self, model: HealthModel, *, user_key: bytes = b"kenko") -> None:
        """`user_key` keys the hashes that stand for users: another key is another keyspace."""
        self.model = model
        self.horizon_ms = model.horizon_ms
        self._kinds = compile_signals(model, keyed_hash(user_key))
        self._index = EventIndex(model.signals, self._kinds)
        self._scoring = Scoring(model, self._kinds)
        self._zones = ZoneRule(model.zones)
        self._receipts = ReceiptWriter(model, self._scoring, self._kinds)
        self._started = frozenset(model.lifecycle.started)
        self._ended = frozenset(model.lifecycle.ended)

    def new(self, account_id: str) -> AccountState:
        """The row of an account nobody has heard of."""
        cells = [kind.empty() for kind in self._kinds]
        return AccountState(account_id=account_id, scored_by=self.model.score_hash, signals=cells)

    def decode(self, account_id: str, row: bytes) -> AccountState:
        """The account in `row`. Raises ValueError for a row that is not of this account or this model's signals."""
        state = decode_state(row)
        if state.account_id != account_id or len(state.signals) != len(self._kinds):
            raise ValueError("the row belongs to another account or to a model with other signals")
        return state

    def encode(self, state: AccountState) -> bytes:
        """The row of an account: the reverse of `decode`."""
        return encode_state(state)

    def apply(self, state: AccountState, event: UsageEvent, time_ms: int, digest: bytes) -> int:
        """Take an event into its account. Answers how many property values were bad and ignored."""
        if not state.touched:
            if state.last is not None:
                state.base = encode_basis(state)
            state.touched = True
        if state.first_seen_ms is None or time_ms < state.first_seen_ms:
            state.first_seen_ms = time_ms
        name = event.event
        if name in self._started:
            if state.started_ms is None or time_ms > state.started_ms:
                state.started_ms = time_ms
        elif name in self._ended:
            if state.ended_ms is None or time_ms > state.ended_ms:
                state.ended_ms = time_ms
        elif state.last_seen_ms is None or time_ms > state.last_seen_ms:
            state.last_seen_ms = time_ms  # a renewal is no use of the product: an account may be silent and pay
        ignored = 0
        cells = state.signals
        for add in self._index.adds(name):
            ignored += add(cells, event, time_ms, digest)
        return ignored

    def evaluate(self, state: AccountState, now_ms: int) -> Evaluation | None:
        """Score the account at `now_ms`, move its zone, and set when it is due next. None: the zone did not change."""
        last, base, zone_before = state.last, state.base, state.zone
        touched, same_model = state.touched, state.scored_by == self.model.score_hash
        rescored = None if last is None else last.score
        if last is not None and not same_model:
            rescored = self._score_of(state if base is None else decode_basis(base), last.time_ms)
        raws, changes = self._advance(state, now_ms)
        standing, scored = self._stand(state, raws, now_ms)
        score = None if scored is None else scored.score
        self._move_zone(state, standing, score, now_ms)
        rotate(state, now_ms)
        if not same_model:
            forget_details(state)
        state.last = Snapshot(now_ms, score, raws, [] if scored is None else [*scored.points, scored.cap_points])
        state.scored_by = self.model.score_hash
        state.touched, state.base = False, None
        state.due_ms = self._next_due(state, standing, changes)
        if state.zone is zone_before:
            return None
        aged = score if base is None else self._score_of(decode_basis(base), now_ms)
        step = split_step(None if last is None else last.score, rescored, aged, score)
        return Evaluation(standing, zone_before, state.zone, scored, raws, step, touched)

    def receipt(self, state: AccountState, evaluation: Evaluation, now_ms: int) -> Receipt:
        """The explanation of an evaluation at `now_ms`, right after it."""
        return self._receipts.receipt(state, evaluation, now_ms)

    def health(self, state: AccountState, now_ms: int) -> HealthScore:
        """What the row says at `now_ms`. Changes nothing: the zone is the one the last evaluation found."""
        raws = self._measure(state, now_ms)
        standing, scored = self._stand(state, raws, now_ms)
        in_zone = standing is Standing.SCORED and state.zone is not None
        return HealthScore(
            account_id=state.account_id,
            model=self.model.name,
            score_hash=self.model.score_hash,
            time=from_ms(now_ms),
            standing=standing,
            score=None if scored is None else scored.score / 100,
            zone=state.zone if in_zone else None,
            zone_since=from_ms(state.zone_since_ms) if in_zone and state.zone_since_ms is not None else None,
            contributions=() if scored is None else self._receipts.contributions(scored, raws, reference(state)),
        )

    def _advance(self, state: AccountState, now_ms: int) -> tuple[list[int | None], list[int | None]]:
        """Raw values at `now_ms`, and when those that decide the score change next."""
        readings = [kind.advance(cell, now_ms) for kind, cell in zip(self._kinds, state.signals, strict=True)]
        reads = self._scoring.reads
        return [raw for raw, _ in readings], [change for at, (_, change) in enumerate(readings) if at in reads]

    def _measure(self, basis: AccountState | Basis, now_ms: int) -> list[int | None]:
        return [kind.measure(cell, now_ms) for kind, cell in zip(self._kinds, basis.signals, strict=True)]

    def _stand(
        self, basis: AccountState | Basis, raws: list[int | None], now_ms: int
    ) -> tuple[Standing, Scored | None]:
        """Standing and score of an account, or of what it was."""
        if basis.ended_ms is not None and (basis.started_ms is None or basis.started_ms <= basis.ended_ms):
            return Standing.CHURNED, None
        scored = self._scoring.score(raws)
        if scored is None or basis.first_seen_ms is None:
            return Standing.UNKNOWN, None
        in_grace = now_ms < basis.first_seen_ms + self.model.new_account_grace_ms
        return Standing.NEW if in_grace else Standing.SCORED, scored

    def _score_of(self, basis: AccountState | Basis, now_ms: int) -> int | None:
        _, scored = self._stand(basis, self._measure(basis, now_ms), now_ms)
        return None if scored is None else scored.score

    def _move_zone(self, state: AccountState, standing: Standing, score: int | None, now_ms: int) -> None:
        before = ZoneState(state.zone, state.red_since_ms, state.yellow_since_ms)
        after = NO_ZONE
        if score is not None:
            after = self._zones.decide(before, score, now_ms, in_grace=standing is Standing.NEW)
        if after.zone is not before.zone:
            state.zone_since_ms = now_ms if after.zone is not None else None
        state.zone, state.red_since_ms, state.yellow_since_ms = after

    def _next_due(self, state: AccountState, standing: Standing, changes: list[int | None]) -> int | None:
        """The next time at which passing time alone can change value, zone, hold or grace."""
        if standing is Standing.CHURNED:
            return None  # only an event can bring it back
        times = [change for change in changes if change is not None]
        if standing is Standing.NEW and state.first_seen_ms is not None:
            times.append(state.first_seen_ms + self.model.new_account_grace_ms)
        elif standing is Standing.SCORED:
            zone = ZoneState(state.zone, state.red_since_ms, state.yellow_since_ms)
            hold_end = self._zones.next_change_ms(zone)
            if hold_end is not None:
                times.append(hold_end)
        return min(times, default=None)
