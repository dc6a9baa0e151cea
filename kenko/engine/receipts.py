"""Receipts: a score explained to the last hundredth, for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple

from kenko.engine.assessing import Assessment, Assessor
from kenko.engine.causes import Step
from kenko.engine.scoring import Scored
from kenko.engine.signals.table import SignalTable
from kenko.engine.snapshots import reference
from kenko.engine.state import AccountState, Snapshot
from kenko.model.score_spec import Group, Input, Missing
from kenko.model.signal_spec import Signal
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

_MOST_KEPT = 512
"""Lines an input: half a megabyte where all differ."""

_NOTHING = repeat(None)
_NO_STEP = ScoreChange(before=None, after=None)

_contribution = trusted_builder(Contribution)
_receipt = trusted_builder(Receipt)


class Before(NamedTuple):
    """An earlier evaluation, in today's terms."""

    snapshot: Snapshot
    scored: Scored | None
    """None where it was found by another model, or there was no score."""

    def value(self, table: SignalTable, column: int) -> float | None:
        """What was measured then."""
        raw = self.snapshot.raws[column] if self.snapshot.raws else None
        return None if raw is None else table.value(column, raw)


_Write = Callable[[int | None, int, int, int, int, int | None, int | None], Contribution]
"""The line of one input, from: raw value, health, part and whole of its share, points, raw value and points before."""


def _line(group: Group, spec: Input, signal: Signal, value: Callable[[int], float]) -> _Write:
    """Writes what was measured into copies of a blank line, and keeps those it wrote last: accounts are much alike.

    A part of 0 is that of an input whose weight went to others: no weight of a model is 0.
    """
    blank: dict[str, Any] = {
        "group": group.name,
        "signal": spec.signal,
        "label": signal.label(),
        "value": None,
        "unit": _unit(signal.unit, spec),
        "health": None,
        "weight": 0.0,
        "points": 0.0,
        "value_before": None,
        "points_before": None,
        "note": None,
    }
    without_data, never = _NOTES[spec.missing], _NEVER if spec.missing is Missing.LAST else _NOTES[spec.missing]

    @lru_cache(_MOST_KEPT)
    def write(  # noqa: PLR0913, PLR0917 - a key of plain numbers: what the line depends on
        raw: int | None,
        health: int,
        part: int,
        whole: int,
        points: int,
        raw_before: int | None,
        points_before: int | None,
    ) -> Contribution:
        line = blank.copy()
        if raw is None:
            line["note"] = without_data if part else never
        else:
            line["value"] = value(raw)
        if part:
            line["health"] = health / 100
            line["weight"] = part / whole
        line["points"] = points / 100
        if raw_before is not None:
            line["value_before"] = value(raw_before)
        if points_before is not None:
            line["points_before"] = points_before / 100
        return _contribution(line)

    return write


class ReceiptWriter:
    """Writes contributions and receipts for one model."""

    def __init__(self, model: HealthModel, assessor: Assessor, table: SignalTable) -> None:
        self._table = table
        self._scorings = assessor.scorings
        signals = {signal.name: signal for signal in model.signals}
        self._signals = signals
        self._lines = [
            [_line(group, spec, signals[spec.signal], table.reader(at)) for group, spec, at in scoring.inputs]
            for scoring in assessor.scorings
        ]
        self._columns = [[at for _, _, at in scoring.inputs] for scoring in assessor.scorings]

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
            written = self._of_inputs(found.policy, scored, raws, before)
            if scored.cap is not None:
                written.append(self._cap(found.policy, scored, scored.cap, raws, before))
        if found.override is not None:
            written.append(_override(found, before))
        return tuple(written)

    def _of_inputs(
        self, policy: int, scored: Scored, raws: Sequence[int | None], before: Before | None
    ) -> list[Contribution]:
        columns, shares = self._columns[policy], scored.shares
        values_before: Iterable[int | None] = _NOTHING
        points_before: Iterable[int | None] = _NOTHING
        if before is not None and before.snapshot.raws:
            values_before = map(before.snapshot.raws.__getitem__, columns)
        if before is not None and before.scored is not None:
            points_before = before.scored.points()
        return [
            write(raws[column], health, part, shares.whole, points, was, points_were)
            for write, column, health, part, points, was, points_were in zip(
                self._lines[policy],
                columns,
                scored.healths,
                shares.parts,
                scored.points(),
                values_before,
                points_before,
                strict=False,
            )
        ]

    def receipt(
        self, state: AccountState, found: Assessment, raws: Sequence[int | None], step: Step | None, now_ms: int
    ) -> Receipt:
        """The receipt of an evaluation at `now_ms`."""
        before = self.before(state, found.policy)
        score, then = found.score, None if before is None else before.snapshot.score
        change = _NO_STEP if step is None else _change(step)
        return _receipt(
            {
                "score": None if score is None else score / 100,
                "standing": found.standing,
                "contributions": self.contributions(found, raws, before),
                "change": change,
                "reference_time": None if before is None else from_ms(before.snapshot.time_ms),
                "reference_score": None if then is None else then / 100,
                "last_seen": None if state.last_seen_ms is None else from_ms(min(state.last_seen_ms, now_ms)),
            }
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
