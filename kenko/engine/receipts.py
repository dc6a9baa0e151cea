"""Receipts: a score explained to the last hundredth, for people."""

from __future__ import annotations

from collections.abc import Sequence

from kenko.engine.evaluation import Evaluation
from kenko.engine.scoring import Scored, Scoring
from kenko.engine.signals.kind import SignalKind
from kenko.engine.snapshots import reference
from kenko.engine.state import AccountState, Snapshot
from kenko.model.spec import HealthModel, Missing
from schemas.base import from_ms
from schemas.health import CAP_GROUP, Contribution
from schemas.transition import Receipt, ScoreChange

_NOTES = {
    Missing.REDISTRIBUTE: "no data: its weight went to the other inputs",
    Missing.WORST: "no data: counted as 0",
    Missing.NEUTRAL: "no data: counted as 50",
}


class ReceiptWriter:
    """Writes contributions and receipts for one model."""

    def __init__(self, model: HealthModel, scoring: Scoring, kinds: Sequence[SignalKind]) -> None:
        self._kinds = kinds
        self._scoring = scoring
        self._signals = {signal.name: signal for signal in model.signals}

    def contributions(
        self, scored: Scored, raws: Sequence[int | None], before: Snapshot | None = None
    ) -> tuple[Contribution, ...]:
        """One contribution an input, in the model's order, and one for the cap that bound; with what was `before`."""
        written: list[Contribution] = []
        for number, (group, spec, place) in enumerate(self._scoring.inputs):
            health = scored.healths[number]
            signal = self._signals[spec.signal]
            written.append(
                Contribution(
                    group=group.name,
                    signal=spec.signal,
                    label=signal.label(),
                    value=self._value(place, raws),
                    unit=signal.unit,
                    health=None if health is None else health / 100,
                    weight=scored.shares.parts[number] / scored.shares.whole,
                    points=scored.points[number] / 100,
                    value_before=self._value(place, before.raws) if before else None,
                    points_before=before.points[number] / 100 if before and before.points else None,
                    note=_NOTES[spec.missing] if raws[place] is None else None,
                )
            )
        if scored.cap is not None:
            written.append(self._cap(scored, scored.cap, raws, before))
        return tuple(written)

    def receipt(self, state: AccountState, evaluation: Evaluation, now_ms: int) -> Receipt:
        """The receipt of an evaluation at `now_ms`."""
        scored, step = evaluation.scored, evaluation.step
        before = reference(state)
        return Receipt(
            score=None if scored is None else scored.score / 100,
            standing=evaluation.standing,
            contributions=() if scored is None else self.contributions(scored, evaluation.raws, before),
            change=ScoreChange(
                before=None if step.before is None else step.before / 100,
                after=None if step.after is None else step.after / 100,
                parts={cause: part / 100 for cause, part in step.parts.items()},
            ),
            reference_time=None if before is None else from_ms(before.time_ms),
            reference_score=None if before is None or before.score is None else before.score / 100,
            last_seen=None if state.last_seen_ms is None else from_ms(min(state.last_seen_ms, now_ms)),
        )

    def _cap(self, scored: Scored, number: int, raws: Sequence[int | None], before: Snapshot | None) -> Contribution:
        cap, place = self._scoring.caps[number]
        signal = self._signals[cap.signal]
        return Contribution(
            group=CAP_GROUP,
            signal=cap.signal,
            label=signal.label(),
            value=self._value(place, raws),
            unit=signal.unit,
            health=None,
            weight=0,
            points=scored.cap_points / 100,
            value_before=self._value(place, before.raws) if before else None,
            points_before=before.points[-1] / 100 if before and before.points else None,
            note=f"the score is at most {cap.at_most:g} while this holds",
        )

    def _value(self, place: int, raws: Sequence[int | None]) -> float | None:
        raw = raws[place] if raws else None
        return None if raw is None else self._kinds[place].value(raw)
