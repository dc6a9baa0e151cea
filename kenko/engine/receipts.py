"""Receipts: a score explained to the last hundredth, for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import NamedTuple

from kenko.engine.assessing import Assessment, Assessor
from kenko.engine.causes import Step
from kenko.engine.scoring import Scored
from kenko.engine.signals.table import SignalTable
from kenko.engine.snapshots import reference
from kenko.engine.state import AccountState, Snapshot
from kenko.model.score_spec import Group, Input, Missing
from kenko.model.spec import HealthModel
from schemas.base import from_ms, trusted, trusted_builder
from schemas.health import CAP_GROUP, OVERRIDE_GROUP, Contribution
from schemas.transition import Receipt, ScoreChange

_NOTES = {
    Missing.REDISTRIBUTE: "no data: its weight went to the other inputs",
    Missing.WORST: "no data: counted as 0",
    Missing.NEUTRAL: "no data: counted as 50",
    Missing.LAST: "no data: counted as when it last had some",
}
_NEVER = "no data yet: its weight went to the other inputs"


_contribution = trusted_builder(Contribution)


class Before(NamedTuple):
    """An earlier evaluation, in today's terms."""

    snapshot: Snapshot
    scored: Scored | None
    """None where it was found by another model, or there was no score."""

    def value(self, table: SignalTable, column: int) -> float | None:
        """What was measured then."""
        raw = self.snapshot.raws[column] if self.snapshot.raws else None
        return None if raw is None else table.value(column, raw)


class _Written(NamedTuple):
    """What a contribution says of its input whatever was measured."""

    group: str
    signal: str
    label: str
    unit: str
    column: int
    value: Callable[[int], float]
    missing: Missing


class ReceiptWriter:
    """Writes contributions and receipts for one model."""

    def __init__(self, model: HealthModel, assessor: Assessor, table: SignalTable) -> None:
        self._table = table
        self._scorings = assessor.scorings
        signals = {signal.name: signal for signal in model.signals}
        self._signals = signals
        self._inputs = [
            [self._input(spec, group, column) for group, spec, column in scoring.inputs]
            for scoring in assessor.scorings
        ]

    def _input(self, spec: Input, group: Group, column: int) -> _Written:
        signal = self._signals[spec.signal]
        return _Written(
            group.name,
            spec.signal,
            signal.label(),
            _unit(signal.unit, spec),
            column,
            self._table.reader(column),
            spec.missing,
        )

    def before(self, state: AccountState, policy: int) -> Before | None:
        """The evaluation to compare with, about a week old; its points only where the same policy found them."""
        snapshot = reference(state)
        if snapshot is None:
            return None
        comparable = snapshot.raws and snapshot.plain is not None and snapshot.policy == policy
        scored = self._scorings[policy].score(snapshot.raws, snapshot.lasting) if comparable else None
        return Before(snapshot, scored)

    def contributions(
        self, found: Assessment, raws: Sequence[int | None], before: Before | None = None
    ) -> tuple[Contribution, ...]:
        """One contribution an input, in the model's order, then the cap that bound and what a person set."""
        written: list[Contribution] = []
        scored = found.scored
        if scored is not None:
            earlier = None if before is None else before.scored
            earlier_raws = before.snapshot.raws if before is not None else ()
            whole, absent, present = scored.shares.whole, scored.absent, 1
            lines = zip(
                self._inputs[found.policy],
                scored.healths,
                scored.shares.parts,
                scored.points(),
                repeat(None) if earlier is None else earlier.points(),
                strict=False,
            )
            for (group, signal, label, unit, column, value, missing), health, part, points, points_before in lines:
                raw = raws[column]
                raw_before = earlier_raws[column] if earlier_raws else None
                is_absent = absent & present
                present <<= 1
                note = None
                if raw is None:
                    note = _NEVER if is_absent and missing is Missing.LAST else _NOTES[missing]
                written.append(
                    _contribution(
                        {
                            "group": group,
                            "signal": signal,
                            "label": label,
                            "value": None if raw is None else value(raw),
                            "unit": unit,
                            "health": None if is_absent else health / 100,
                            "weight": part / whole,
                            "points": points / 100,
                            "value_before": None if raw_before is None else value(raw_before),
                            "points_before": None if points_before is None else points_before / 100,
                            "note": note,
                        }
                    )
                )
            if scored.cap is not None:
                written.append(self._cap(found.policy, scored, scored.cap, raws, before))
        if found.override is not None:
            written.append(_override(found, before))
        return tuple(written)

    def receipt(
        self, state: AccountState, found: Assessment, raws: Sequence[int | None], step: Step | None, now_ms: int
    ) -> Receipt:
        """The receipt of an evaluation at `now_ms`."""
        before = self.before(state, found.policy)
        score, then = found.score, None if before is None else before.snapshot.score
        change = ScoreChange(before=None, after=None) if step is None else _change(step)
        return trusted(
            Receipt,
            score=None if score is None else score / 100,
            standing=found.standing,
            contributions=self.contributions(found, raws, before),
            change=change,
            reference_time=None if before is None else from_ms(before.snapshot.time_ms),
            reference_score=None if then is None else then / 100,
            last_seen=None if state.last_seen_ms is None else from_ms(min(state.last_seen_ms, now_ms)),
        )

    def _cap(
        self, policy: int, scored: Scored, number: int, raws: Sequence[int | None], before: Before | None
    ) -> Contribution:
        cap, column = self._scorings[policy].caps[number]
        signal, raw = self._signals[cap.signal], raws[column]
        return Contribution(
            group=CAP_GROUP,
            signal=cap.signal,
            label=signal.label(),
            value=None if raw is None else self._table.value(column, raw),
            unit=signal.unit,
            health=None,
            weight=0,
            points=scored.cap_points / 100,
            value_before=None if before is None else before.value(self._table, column),
            points_before=None if before is None or before.scored is None else before.scored.cap_points / 100,
            note=f"the score is at most {cap.at_most:g} while this holds",
        )


def _unit(unit: str, spec: Input) -> str:
    if spec.per is None:
        return unit
    return f"{unit} per {'' if spec.scale == 1 else f'{spec.scale:g} '}{spec.per.name}".strip()


def _change(step: Step) -> ScoreChange:
    return trusted(
        ScoreChange,
        before=None if step.before is None else step.before / 100,
        after=None if step.after is None else step.after / 100,
        parts={cause: part / 100 for cause, part in step.parts.items()},
    )


def _override(found: Assessment, before: Before | None) -> Contribution:
    active = found.override
    if active is None:
        raise ValueError("there is no override")
    then = None if before is None else before.snapshot
    was = None if then is None or then.score is None else (then.score - (then.plain or 0)) / 100
    end = "until it is lifted" if active.until_ms is None else f"until {from_ms(active.until_ms):%Y-%m-%d %H:%M} UTC"
    return Contribution(
        group=OVERRIDE_GROUP,
        signal=OVERRIDE_GROUP,
        label=f"Set by {active.author}: {active.reason}",
        value=active.score / 100,
        unit="points",
        health=None,
        weight=0,
        points=(active.score - (found.plain or 0)) / 100,
        points_before=was,
        note=f"the score was set by hand {end}",
    )
