"""How signals become a score: the `score` of a model."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kenko.model.names import check_name
from kenko.model.nodes import Place, did_you_mean
from kenko.model.read_curves import read_curve
from kenko.model.spec import Cap, Comparison, Group, Input, Missing, Op, Recency, Signal
from schemas.health import CAP_GROUP

_MISSING = tuple(policy.value for policy in Missing)
_COMPARISONS = tuple(op.value for op in (Op.EQ, Op.GT, Op.GTE, Op.LT, Op.LTE))
_LARGEST_WEIGHT = 1_000_000


class ScoreReader:
    """Reads groups and caps against the signals of the model."""

    def __init__(self, signals: Mapping[str, Signal], names: Collection[str]) -> None:
        self._signals = signals
        self._names = names

    def read(self, place: Place) -> tuple[tuple[Group, ...], tuple[Cap, ...], int]:
        """Groups, caps and the grace in milliseconds."""
        fields = place.fields(("groups", "missing", "caps", "new_account_grace"), required=("groups",)) or {}
        missing = _read_missing(fields.get("missing"), Missing.REDISTRIBUTE)
        groups: list[Group] = []
        entries = (fields["groups"].entries("a mapping of groups") or []) if "groups" in fields else []
        if "groups" in fields and not entries and fields["groups"].is_mapping:
            fields["groups"].mistake("a score needs at least one group")
        for name, entry in entries:
            groups += self._read_group(name, entry, missing)
        caps = [cap for item in fields["caps"].items() for cap in self._read_cap(item)] if "caps" in fields else []
        grace = fields["new_account_grace"].duration() if "new_account_grace" in fields else 0
        return tuple(groups), tuple(caps), grace or 0

    def _read_group(self, name: str, place: Place, missing: Missing) -> list[Group]:
        check_name(place, name, "group")
        if name == CAP_GROUP:
            place.key_mistake(f"{CAP_GROUP!r} is the name of what caps take away", "name the group otherwise")
        fields = place.fields(("weight", "inputs"), required=("weight", "inputs"))
        if not fields:
            return []
        weight = _read_weight(fields["weight"]) if "weight" in fields else None
        inputs: list[Input] = []
        if "inputs" in fields:
            seen: set[str] = set()
            for item in fields["inputs"].items("a list of inputs"):
                inputs += self._read_input(item, missing, seen)
            if fields["inputs"].is_list and not fields["inputs"].node.value:
                fields["inputs"].mistake("a group needs at least one input")
        return [Group(name=name, weight=weight or 1, inputs=tuple(inputs))]

    def _read_input(self, place: Place, missing: Missing, seen: set[str]) -> list[Input]:
        fields = place.fields(("signal", "weight", "curve", "missing"), required=("signal", "curve"))
        if not fields:
            return []
        name = self._read_signal_name(fields["signal"]) if "signal" in fields else None
        if name is not None and name in seen:
            fields["signal"].mistake(f"{name!r} is in this group twice")
        seen.add(name or "")
        weight = _read_weight(fields["weight"]) if "weight" in fields else 1.0
        curve = read_curve(fields["curve"], self._is_recency(name)) if "curve" in fields else None
        policy = _read_missing(fields.get("missing"), missing)
        if name is None or curve is None or weight is None:
            return []
        return [Input(signal=name, weight=weight, curve=curve, missing=policy)]

    def _is_recency(self, name: str | None) -> bool | None:
        """None where the signal is not known well enough to say."""
        signal = self._signals.get(name or "")
        return None if signal is None else isinstance(signal.aggregate, Recency)

    def _read_signal_name(self, place: Place) -> str | None:
        name = place.text("the name of a signal")
        if name is None or name in self._names or not self._names:
            return name  # where all signals are missing, that is the one mistake
        place.mistake(f"unknown signal {name!r}", did_you_mean(name, self._names))
        return None

    def _read_cap(self, place: Place) -> list[Cap]:
        fields = place.fields(("when", "at_most"), required=("when", "at_most")) or {}
        at_most = fields["at_most"].number_within(0, 100) if "at_most" in fields else None
        when = fields["when"].fields(("signal", *_COMPARISONS), required=("signal",)) if "when" in fields else None
        if when is None:
            return []
        name = self._read_signal_name(when.pop("signal")) if "signal" in when else None
        tests = [(Op(op), operand.number()) for op, operand in when.items()]
        if not tests and len(fields["when"].node.value) <= 1:
            fields["when"].mistake("needs a comparison", "for example {signal: nps, lte: 3}")
        compared = tuple(Comparison(op=op, operand=number) for op, number in tests if number is not None)
        if name is None or at_most is None or not compared:
            return []
        return [Cap(signal=name, tests=compared, at_most=at_most)]


def _read_weight(place: Place) -> float | None:
    weight = place.number("a weight")
    if weight is None:
        return None
    if not 0 < weight <= _LARGEST_WEIGHT:
        place.mistake(f"a weight is above 0 and at most {_LARGEST_WEIGHT:,}, found {weight:g}")
        return None
    return weight


def _read_missing(place: Place | None, default: Missing) -> Missing:
    word = place.one_of(_MISSING) if place is not None else None
    return default if word is None else Missing(word)
